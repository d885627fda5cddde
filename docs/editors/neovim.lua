-- wherein in Neovim 0.11 or newer. Put this file into ~/.config/nvim/plugin/.
--
--   :Wherein where do we retry failed uploads    ask, and pick from the answers
--   :Wherein                                     be asked for the question
--   :WhereinSimilar                              code like the selection, or like the definition here
--   :WhereinWhy                                  why this file is, or is not, in the index
--   :WhereinStatus  :WhereinPause  :WhereinResume
--
-- Set vim.g.wherein_python to the Python that has wherein, if it is not the first one on the PATH.

local MARKERS = { '.git', '.hg', 'pyproject.toml', 'package.json', 'go.mod', 'Cargo.toml' }

vim.lsp.config('wherein', {
  cmd = { vim.g.wherein_python or 'python3', '-I', '-m', 'wherein', 'serve', '--stdio' },
  root_dir = function(buffer, found) -- a file that is in no project starts nothing
    local root = vim.api.nvim_buf_get_name(buffer) ~= '' and vim.fs.root(buffer, MARKERS)
    if root then
      found(root)
    end
  end,
  init_options = { executeCommands = false }, -- the commands below ask by request
  settings = { wherein = { exclude = {} } }, -- docs/settings.md; sent again when it changes
})
vim.lsp.enable('wherein')

-- The server that a question from this buffer is for, or why there is none. A buffer that is in no project asks
-- the project of the working directory, or else the only one that is open.
local function server()
  local here = vim.lsp.get_clients({ name = 'wherein', bufnr = 0 })[1]
  if here then
    return here
  end
  local open = vim.lsp.get_clients({ name = 'wherein' })
  local root = vim.fs.root(0, MARKERS) or vim.fs.root(vim.fn.getcwd(), MARKERS)
  if root then
    for _, client in ipairs(open) do
      if client.root_dir == root then
        return client
      end
    end
    return nil, ('it does not run for %s yet. Open a file of it, or see :checkhealth vim.lsp'):format(root)
  elseif #open > 1 then
    return nil, 'several projects are open. Go to a file of the one that you mean'
  end
  return open[1], 'no project is open. Open a file of one first'
end

local function tell(sentence, level)
  vim.notify('wherein: ' .. sentence, level or vim.log.levels.INFO)
end

-- Send a request and hand its result on; an error is told, never thrown.
local function ask(method, params, use)
  local client, why = server()
  if not client then
    return tell(why, vim.log.levels.WARN)
  end
  client:request(method, params, function(err, result)
    if err then
      return tell(err.message, vim.log.levels.ERROR)
    end
    use(result, client)
  end)
end

local function line_of(hit)
  local name = hit.symbol ~= '' and hit.symbol or hit.path:match('[^/]+$')
  return ('%s  %s:%d  %s'):format(name, hit.path, hit.startLine, table.concat(hit.via, ' '))
end

local function pick(prompt)
  return function(answer, client)
    if #answer.results == 0 then
      return tell(answer.notes[1] or 'nothing found', vim.log.levels.WARN)
    end
    vim.ui.select(answer.results, { prompt = prompt, kind = 'wherein', format_item = line_of }, function(hit)
      if hit then
        vim.lsp.util.show_document(
          { uri = hit.uri, range = hit.range },
          client.offset_encoding,
          { focus = true }
        )
      end
    end)
  end
end

local function search(question)
  if question and question ~= '' then
    ask('wherein/search', { query = question, limit = 20 }, pick(question))
  end
end

local command = vim.api.nvim_create_user_command

command('Wherein', function(given)
  if given.args ~= '' then
    search(given.args)
  else
    vim.ui.input({ prompt = 'Ask the code: ' }, search)
  end
end, { nargs = '*', desc = 'Ask the code' })

command('WhereinSimilar', function(given)
  local first, last = given.line1 - 1, given.line2 - 1
  local range = { start = { line = first, character = 0 }, ['end'] = { line = first, character = 0 } }
  if given.range > 0 then
    range['end'] = { line = last + 1, character = 0 }
  end
  ask('wherein/similar', { uri = vim.uri_from_bufnr(0), range = range }, pick('Similar code'))
end, { range = true, desc = 'Code like this' })

command('WhereinWhy', function()
  ask('wherein/why', { uri = vim.uri_from_bufnr(0) }, function(why)
    tell(why.sentence)
  end)
end, { desc = 'Why this file is, or is not, in the index' })

command('WhereinStatus', function()
  ask('wherein/status', {}, function(status)
    for _, folder in ipairs(status.folders) do
      tell(('%s: %s'):format(vim.uri_to_fname(folder.folder), folder.sentence))
    end
  end)
end, { desc = 'What the index holds' })

for name, method in pairs({ WhereinPause = 'wherein/pause', WhereinResume = 'wherein/resume' }) do
  command(name, function()
    ask(method, {}, function(now)
      tell(now.paused and 'paused. Questions are still answered' or 'going on')
    end)
  end, { desc = method })
end

-- Indexing in the message area, with real counts.
vim.api.nvim_create_autocmd('LspProgress', {
  group = vim.api.nvim_create_augroup('wherein', {}),
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    local now = event.data.params.value
    if client and client.name == 'wherein' then
      local text = now.kind == 'end' and '' or ('wherein %s %d %%  %s'):format(
        (now.title or ''):lower(), now.percentage or 0, now.message or '')
      vim.api.nvim_echo({ { text } }, false, {})
    end
  end,
})
