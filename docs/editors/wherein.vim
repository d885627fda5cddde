" wherein in Vim 8.2 or newer, through ALE. Put this file into ~/.vim/plugin/.
"
"   :Wherein where do we retry failed uploads    ask; the answers are in the quickfix list
"   :Wherein!                                    the same, and go to the first one
"   :WhereinWhy                                  why this file is, or is not, in the index
"   :WhereinStatus
"
" ALE runs wherein beside whatever else it runs, for every file of a project. Set
" g:wherein_python to the Python that has wherein, if it is not the first one on the PATH.

if exists('g:loaded_wherein') || !has('job')
  finish
endif
let g:loaded_wherein = 1
let g:wherein_python = get(g:, 'wherein_python', 'python3')
let g:wherein_markers = get(g:, 'wherein_markers',
      \ ['.git', '.hg', 'pyproject.toml', 'package.json', 'go.mod', 'Cargo.toml'])

function! WhereinRoot(buffer) abort
  let l:here = fnamemodify(bufname(a:buffer), ':p:h')
  while l:here isnot# fnamemodify(l:here, ':h')
    for l:marker in g:wherein_markers
      if !empty(getftype(l:here . '/' . l:marker))
        return l:here
      endif
    endfor
    let l:here = fnamemodify(l:here, ':h')
  endwhile
  return ''
endfunction

function! s:Define(filetype) abort
  if empty(a:filetype) || index(s:defined, a:filetype) >= 0 || !exists('g:loaded_ale')
    return
  endif
  call add(s:defined, a:filetype)
  call ale#linter#Define(a:filetype, {
        \ 'name': 'wherein',
        \ 'lsp': 'stdio',
        \ 'executable': g:wherein_python,
        \ 'command': '%e -I -m wherein serve --stdio',
        \ 'project_root': function('WhereinRoot'),
        \ 'initialization_options': {'executeCommands': v:false},
        \})
endfunction
let s:defined = []

augroup wherein
  autocmd!
  autocmd FileType * call s:Define(expand('<amatch>'))
augroup END

" What stands in the way of a question from here, '' for nothing.
function! s:Lacks() abort
  if !exists('g:loaded_ale')
    return 'ALE is not loaded. Put "packadd ale" into your vimrc'
  elseif empty(WhereinRoot(bufnr('')))
    return 'open a file of a project first'
  elseif empty(&filetype)
    return 'this file has no filetype. Is "filetype plugin on" in your vimrc?'
  endif
  return ''
endfunction

" Params makes the parameters: it may use ALE, which is known to be there by then.
function! s:Ask(method, Params, Use) abort
  let l:lacks = s:Lacks()
  if !empty(l:lacks)
    echohl WarningMsg | echomsg 'wherein: ' . l:lacks | echohl None
    return
  endif
  call s:Define(&filetype)
  call ale#lsp_linter#SendRequest(bufnr(''), 'wherein', [0, a:method, a:Params()],
        \ {reply -> s:Answer(reply, a:Use)})
endfunction

function! s:Answer(reply, Use) abort
  if has_key(a:reply, 'error')
    echohl ErrorMsg | echomsg 'wherein: ' . a:reply.error.message | echohl None
  else
    call a:Use(a:reply.result)
  endif
endfunction

function! s:Row(hit) abort
  let l:name = empty(a:hit.symbol) ? fnamemodify(a:hit.path, ':t') : a:hit.symbol
  return {
        \ 'filename': s:Path(a:hit.uri),
        \ 'lnum': a:hit.startLine,
        \ 'text': l:name . '  ' . join(a:hit.via),
        \}
endfunction

function! s:Path(uri) abort
  return ale#uri#Decode(substitute(a:uri, '^file://', '', ''))
endfunction

function! s:Show(question, jump, answer) abort
  if empty(a:answer.results)
    echomsg 'wherein: ' . get(a:answer.notes, 0, 'nothing found')
    return
  endif
  let l:rows = map(copy(a:answer.results), {_, hit -> s:Row(hit)})
  call setqflist([], ' ', {'title': 'wherein: ' . a:question, 'items': l:rows})
  if a:jump
    cfirst
  else
    copen
  endif
endfunction

function! s:Search(question, jump) abort
  let l:question = empty(a:question) ? input('Ask the code: ') : a:question
  if !empty(l:question)
    call s:Ask('wherein/search', {-> {'query': l:question, 'limit': 20}},
          \ {answer -> s:Show(l:question, a:jump, answer)})
  endif
endfunction

function! s:Why(why) abort
  echomsg 'wherein: ' . a:why.sentence
endfunction

function! s:Sentences(status) abort
  for l:folder in a:status.folders
    echomsg s:Path(l:folder.folder) . ': ' . l:folder.sentence
  endfor
endfunction

command! -nargs=* -bang Wherein call s:Search(<q-args>, <bang>0)
command! WhereinWhy call s:Ask('wherein/why',
      \ {-> {'uri': ale#util#ToURI(expand('%:p'))}}, function('s:Why'))
command! WhereinStatus call s:Ask('wherein/status', {-> {}}, function('s:Sentences'))
