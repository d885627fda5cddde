-- Drives docs/editors/neovim.lua in a headless Neovim: nvim --headless --clean -l neovim.lua CONFIG PYTHON PROJECT
-- Writes what it saw as one line of JSON on stdout.
local config, python, project = _G.arg[1], _G.arg[2], _G.arg[3]
local PATIENCE = 60000
local seen = { picked = {}, echoed = {}, told = {} }

local function wait(what, ready)
  assert(vim.wait(PATIENCE, ready, 20), 'not in time: ' .. what)
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
  wait('the progress', function()
    return #seen.echoed > 0
  end)
  local symbols = client:request_sync('workspace/symbol', { query = 'Uploader' }, PATIENCE, 0)
  seen.symbols = vim.tbl_map(function(each)
    return each.name
  end, symbols.result)

  client:stop()
  wait('the end of the server', function()
    return client:is_stopped()
  end)
end

local ok, problem = xpcall(run, debug.traceback)
seen.problem = not ok and problem or nil
io.stdout:write('\n' .. vim.json.encode(seen) .. '\n')
os.exit(ok and 0 or 1)
