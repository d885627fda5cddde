;;; Drives docs/editors/wherein.el in a batch Emacs; PYTHON and PROJECT are in the environment.
;;; Writes what it saw as one line of JSON.  -*- lexical-binding: t; -*-

(require 'json)
(package-initialize)                    ; Debian's elpa-eglot
(require 'wherein)

(setq wherein-python (getenv "PYTHON")
      eglot-sync-connect 60 eglot-connect-timeout 60 eglot-autoshutdown nil)

(defvar seen nil)
(defun note (key value) (push (cons key value) seen))

(defun ask (key call)
  "Make CALL, pick the first row, and note under KEY the rows and where it went."
  (let (rows)
    (cl-letf (((symbol-function 'completing-read)
               (lambda (_prompt table &rest _)
                 (setq rows (all-completions "" table))
                 (car rows))))
      (funcall call))
    (note key (list (vconcat rows) buffer-file-name (line-number-at-pos)
                    (buffer-substring-no-properties (line-beginning-position) (line-end-position))))))

(defun here ()
  "Return the file and the line where we are."
  (list buffer-file-name (line-number-at-pos)))

(defun said (call)
  "Make CALL and return what it said."
  (let (sentence)
    (cl-letf (((symbol-function 'message)
               (lambda (text &rest values) (setq sentence (apply #'format text values)))))
      (funcall call))
    sentence))

(let* ((project (file-name-as-directory (getenv "PROJECT")))
       (inhibit-message t))
  (find-file (expand-file-name "colours.py" project))
  (fundamental-mode)
  ;; By a connection of our own: eglot runs nothing here.
  (note 'own (plist-get (elt (plist-get (wherein--request :wherein/sync nil) :folders) 0) :commit))
  (goto-char (point-max))
  (note 'from (here))
  (ask 'search (lambda () (wherein-search "send the part again")))
  (search-forward "return digest")
  (ask 'similar #'wherein-similar)      ; like the definition at point
  (call-interactively (key-binding (kbd "M-,")))
  (note 'back-once (here))
  (let ((transient-mark-mode t))
    (goto-char (point-min))
    (search-forward "class Uploader")
    (set-mark (line-beginning-position))
    (search-forward "return digest")
    (activate-mark)
    (ask 'like-region #'wherein-similar))
  (call-interactively (key-binding (kbd "M-,")))
  (call-interactively (key-binding (kbd "M-,")))
  (note 'back (here))
  (note 'why (said #'wherein-why))
  (wherein-search "mix two colours" t)
  (note 'xref (with-current-buffer "*xref*" (buffer-string)))
  (wherein-stop)
  ;; By eglot.
  (find-file (expand-file-name "colours.py" project))
  (text-mode)
  (wherein-eglot)
  (note 'eglot (and (wherein--eglot) t))
  (wherein--request :wherein/sync nil)
  (goto-char (point-min))
  (insert "def zugzwang():\n    return 'no good move'\n\n\n")
  (eglot--signal-textDocument/didChange) ; as the idle timer does
  (ask 'unsaved (lambda () (wherein-search "zugzwang")))
  (note 'status (said #'wherein-status))
  (note 'none (null wherein--connections))
  (set-buffer-modified-p nil)
  (eglot-shutdown (eglot-current-server) nil 30))

(princ (concat "\n" (json-encode seen) "\n"))
