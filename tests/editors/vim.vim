" Drives docs/editors/wherein.vim in a Vim without a screen:
"   CONFIG=… PYTHON=… PROJECT=… SEEN=… vim -Nu NONE -i NONE -n -es -S vim.vim
" With WITHOUT_ALE set it only tries the commands in a Vim that has no ALE.
" Writes what it saw as JSON into the file SEEN.
set nocompatible hidden nomore
let s:seen = {'problem': ''}

function! s:Wait(what, Ready) abort
  let l:tries = 0
  while !a:Ready()
    if l:tries > 1200
      throw 'not in time: ' . a:what
    endif
    let l:tries += 1
    sleep 50m
  endwhile
endfunction

function! s:Synced(reply) abort
  let s:seen.sync = a:reply
endfunction

" What a command says, told or thrown.
function! s:Said(command) abort
  messages clear
  try
    execute a:command
  catch
    return v:exception
  endtry
  return s:Told()
endfunction

function! s:Told() abort
  return matchstr(execute('messages'), 'wherein: [^\n]*')
endfunction

function! s:RunWithoutAle() abort
  execute 'source' fnameescape($CONFIG)
  execute 'edit' fnameescape($PROJECT . '/colours.py')
  let s:seen.without = map(['Wherein anything', 'WhereinWhy', 'WhereinStatus'],
        \ {_, command -> s:Said(command)})
endfunction

function! s:Run() abort
  let g:ale_linters_explicit = 1
  let g:wherein_python = $PYTHON
  packadd ale
  filetype plugin on
  execute 'source' fnameescape($CONFIG)
  execute 'edit' fnameescape($PROJECT . '/colours.py')
  set filetype=python
  call ale#lsp_linter#SendRequest(bufnr(''), 'wherein', [0, 'wherein/sync', {}], function('s:Synced'))
  call s:Wait('sync', {-> has_key(s:seen, 'sync')})
  Wherein! send the part again
  call s:Wait('the jump', {-> expand('%:t') is# 'upload.py'})
  let s:seen.search = [expand('%:p'), line('.')]
  let s:seen.rows = map(getqflist(), {_, row -> [bufname(row.bufnr), row.lnum, row.text]})
  let s:seen.title = getqflist({'title': 1}).title
  execute 'buffer' fnameescape($PROJECT . '/colours.py')
  let l:before = line('.')
  Wherein mix two colours
  call s:Wait('the list', {-> &buftype is# 'quickfix'})
  let s:seen.list = [getqflist({'title': 1}).title, getline(1)]
  cclose
  let s:seen.stayed = [expand('%:t'), line('.') == l:before]
  call s:Said('WhereinWhy')
  call s:Wait('the sentence', {-> !empty(s:Told())})
  let s:seen.why = s:Told()
  messages clear
  WhereinStatus
  let l:sentence = '\V' . $PROJECT . ': \[^\n]\+'
  call s:Wait('the status', {-> execute('messages') =~# l:sentence})
  let s:seen.status = matchstr(execute('messages'), l:sentence)
  set filetype=
  let s:seen.lacks = s:Said('Wherein anything')
endfunction

try
  if empty($WITHOUT_ALE)
    call s:Run()
  else
    call s:RunWithoutAle()
  endif
catch
  let s:seen.problem = v:exception . ' at ' . v:throwpoint
endtry
call writefile([json_encode(s:seen)], $SEEN)
qall!
