-- Drives docs/editors/neovim.lua in a headless Neovim: nvim --headless --clean -l neovim.lua CONFIG PYTHON PROJECT OTHER UNOPENED
-- Writes what it saw as one line of JSON on stdout.
local config, python, project = _G.arg[1], _G.arg[2], _G.arg[3]
local PATIENCE = 60000
local seen = { picked = {}, echoed = {}, told = {} }

local function wait(what, ready)
  assert(vim.wait(PATIENCE, ready, 20), 'not in time: ' .. what)
end

-- What a command says; nothing is picked meanwhile.
local function said(command)
  local before = #seen.told
  vim.cmd(command)
  wait('what ' .. command .. ' says', function()
    return #seen.told > before
  end)
  return seen.told[#seen.told]
end

-- Whose server answers in a buffer that has none: `other` and `unopened` are projects beside the first.
local function elsewhere(other, unopened)
  local none = vim.fs.dirname(project) .. '/notes.txt'
  seen.elsewhere = {}
  vim.cmd.edit(none)
  seen.elsewhere.one = said('WhereinStatus')
  vim.cmd.edit(other .. '/a.py')
  vim.bo.filetype = 'python'
  wait('the second client', function()
    return #vim.lsp.get_clients({ name = 'wherein' }) == 2
  end)
  vim.cmd.edit(none)
  seen.elsewhere.several = said('Wherein anything')
  vim.cmd.cd(other)
  seen.elsewhere.directory = said('WhereinStatus')
  vim.cmd.edit(unopened .. '/a.py')
  seen.elsewhere.unopened = said('Wherein anything')
end

local function run()
  local echo = vim.api.nvim_echo
  vim.api.nvim_echo = function(chunks, ...)
    table.insert(seen.echoed, chunks[1][1])
    return echo(chunks, ...)
  end
  vim.notify = function(sentence)
    table.insert(seen.told, sentence)
  end
  vim.ui.select = function(items, options, choose)
    table.insert(seen.picked, { prompt = options.prompt, rows = vim.tbl_map(options.format_item, items) })
    choose(items[1])
  end
  vim.ui.input = function(_, answer)
    answer('send the part again')
  end

  vim.g.wherein_python = python
  vim.cmd.source(config)
  vim.cmd('filetype on')
  vim.cmd.edit(project .. '/README.md')
  vim.bo.filetype = 'markdown'
  wait('the client', function()
    local client = vim.lsp.get_clients({ name = 'wherein', bufnr = 0 })[1]
    return client and client.initialized
  end)
  local client = vim.lsp.get_clients({ name = 'wherein' })[1]
  local synced = assert(client:request_sync('wherein/sync', vim.empty_dict(), PATIENCE, 0))
  assert(not synced.err, vim.inspect(synced.err))
  seen.encoding = client.offset_encoding

  local function jump(command, name)
    vim.cmd(command)
    wait(command, function()
      return vim.api.nvim_buf_get_name(0):sub(-#name) == name
    end)
    return { vim.api.nvim_buf_get_name(0), vim.fn.line('.'), vim.api.nvim_get_current_line() }
  end

  seen.search = jump('Wherein mix two colours', 'colours.py')
  -- What is typed and not saved is found, at the place where it is now.
  vim.api.nvim_buf_set_lines(0, 0, 0, false, { 'def zugzwang():', "    return 'no good move'", '', '' })
  vim.cmd('Wherein')
  wait('the asked question', function()
    return vim.api.nvim_buf_get_name(0):match('upload.py$') ~= nil
  end)
  seen.unsaved = jump('Wherein zugzwang', 'colours.py')
  vim.cmd('6WhereinSimilar')
  vim.cmd('WhereinWhy')
  vim.cmd('WhereinStatus')
  vim.cmd('WhereinPause')
  wait('the sentences', function()
    return #seen.told >= 3 and #seen.picked >= 4
  end)
  vim.cmd('WhereinResume')
  wait('the resumption', function()
    return #seen.told >= 4
  end)
  -- Without a range: like the definition under the cursor.
  local asked = #seen.picked
  vim.cmd.edit(project .. '/net/upload.py')
  vim.fn.search('return digest')
  vim.cmd('WhereinSimilar')
  wait('code like the definition', function()
    return #seen.picked > asked
  end)
  wait('the progress', function()
    return #seen.echoed > 0
  end)
  local symbols = client:request_sync('workspace/symbol', { query = 'Uploader' }, PATIENCE, 0)
  seen.symbols = vim.tbl_map(function(each)
    return each.name
  end, symbols.result)

  elsewhere(_G.arg[4], _G.arg[5])

  local clients = vim.lsp.get_clients({ name = 'wherein' })
  for _, each in ipairs(clients) do
    each:stop()
  end
  wait('the end of the servers', function()
    return #clients == 2 and clients[1]:is_stopped() and clients[2]:is_stopped()
  end)
end

local ok, problem = xpcall(run, debug.traceback)
seen.problem = not ok and problem or nil
io.stdout:write('\n' .. vim.json.encode(seen) .. '\n')
os.exit(ok and 0 or 1)
