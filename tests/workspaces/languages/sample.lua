--- A queue of jobs.
local M = {}

local DEFAULT_SIZE = 16

-- Makes a queue.
function M.new(size)
  local self = setmetatable({}, { __index = M })
  self.size = size or DEFAULT_SIZE
  self.items = {}
  return self
end

function M:push(item)
  if #self.items >= self.size then
    return nil, "full"
  end
  table.insert(self.items, item)
  return true
end

M.pop = function(self)
  return table.remove(self.items, 1)
end

local function trim(text)
  local inner = function(s)
    return s:match("^%s*(.-)%s*$")
  end
  return inner(text)
end

local compare = function(a, b)
  return a < b
end

function global_helper()
  return trim(" x ")
end

M.handlers = {
  on_open = function(event)
    return event
  end,
  on_close = function()
    return nil
  end,
}

return M
