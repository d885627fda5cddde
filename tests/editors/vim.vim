" Drives docs/editors/wherein.vim in a Vim without a screen:
"   CONFIG=… PYTHON=… PROJECT=… SEEN=… vim -Nu NONE -i NONE -n -es -S vim.vim
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
  WhereinWhy
  call s:Wait('the sentence', {-> execute('messages') =~# 'wherein: '})
  let s:seen.why = matchstr(execute('messages'), 'wherein: [^\n]*')
  set filetype=
  Wherein anything
  let s:seen.lacks = matchstr(execute('messages'), 'wherein: this file[^\n]*')
endfunction

try
  call s:Run()
catch
  let s:seen.problem = v:exception . ' at ' . v:throwpoint
endtry
call writefile([json_encode(s:seen)], $SEEN)
qall!
