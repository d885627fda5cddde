;;; wherein.el --- Ask your code a question -*- lexical-binding: t; -*-

;; For Emacs 28 or newer.  Put this file on your `load-path' and
;;
;;   (require 'wherein)
;;   (global-set-key (kbd "C-c w") #'wherein-search)
;;
;; M-x wherein-search   ask, and pick from the answers; with a prefix, show all of them in *xref*
;; M-x wherein-similar  code like the region, or like the definition at point
;; M-x wherein-why      why this file is, or is not, in the index
;; M-x wherein-status   what the index holds
;;
;; Where eglot runs wherein for a buffer (M-x wherein-eglot), its connection is used, and unsaved
;; text is found too.  Eglot runs one server a buffer; where that is another one, or none, these
;; commands start wherein for the project by themselves.

;;; Code:

(require 'cl-lib)
(require 'eglot)
(require 'jsonrpc)
(require 'project)
(require 'xref)

(defgroup wherein nil "Ask your code a question." :group 'tools)

(defcustom wherein-python "python3"
  "The Python that has wherein."
  :type 'string)

(defcustom wherein-limit 20
  "How many answers to offer."
  :type 'natnum)

(defvar wherein-history nil "Questions that were asked.")
(defvar wherein--connections nil "Our own connections: an alist by the project's root.")

(defun wherein--command ()
  "Return the command line of the server."
  (list wherein-python "-I" "-m" "wherein" "serve" "--stdio"))

;;;###autoload
(defun wherein-eglot ()
  "Let eglot run wherein for this buffer's project and major mode."
  (interactive)
  (let ((eglot-server-programs (list (cons major-mode (wherein--command)))))
    (call-interactively #'eglot)))

(defun wherein--eglot ()
  "Return eglot's connection for this buffer, if it is one to wherein."
  (let ((server (eglot-current-server)))
    (and server
         (cl-find "wherein.search"
                  (plist-get (plist-get (eglot--capabilities server) :executeCommandProvider) :commands)
                  :test #'equal)
         server)))

(defun wherein--connect (root)
  "Start a server for the folder ROOT and return the connection."
  (let* ((name (format "wherein %s" (abbreviate-file-name root)))
         (uri (concat "file://" (url-hexify-string (directory-file-name root) url-path-allowed-chars)))
         (connection
          (make-instance
           'jsonrpc-process-connection
           :name name
           :events-buffer-scrollback-size 0
           :notification-dispatcher #'ignore
           :request-dispatcher #'ignore
           :process (lambda ()
                      (make-process :name name :command (wherein--command)
                                    :connection-type 'pipe :coding 'utf-8-emacs-unix :noquery t
                                    :stderr (get-buffer-create (format " *%s stderr*" name)))))))
    (jsonrpc-request connection :initialize
                     `(:processId ,(emacs-pid) :capabilities ,(make-hash-table)
                       :rootUri ,uri :workspaceFolders [(:uri ,uri :name ,name)])
                     :timeout 30)
    (jsonrpc-notify connection :initialized (make-hash-table))
    (push (cons root connection) wherein--connections)
    connection))

(defun wherein--connection ()
  "Return a connection to the server of this buffer's project."
  (or (wherein--eglot)
      (let* ((root (expand-file-name (project-root (project-current t))))
             (known (alist-get root wherein--connections nil nil #'equal)))
        (if (and known (jsonrpc-running-p known))
            known
          (setf (alist-get root wherein--connections nil t #'equal) nil)
          (wherein--connect root)))))

(defun wherein--request (method params)
  "Send METHOD with PARAMS and return the result; the server's errors are shown as they are."
  (condition-case problem
      (jsonrpc-request (wherein--connection) method (or params (make-hash-table)) :timeout 60)
    (jsonrpc-error (user-error "Wherein: %s" (alist-get 'jsonrpc-error-message (cddr problem))))))

(defun wherein--path (uri)
  "Return the file that URI names."
  (decode-coding-string (url-unhex-string (string-remove-prefix "file://" uri)) 'utf-8))

(defun wherein--uri ()
  "Return the URI of this buffer's file."
  (concat "file://" (url-hexify-string (or buffer-file-name (user-error "This buffer has no file"))
                                       url-path-allowed-chars)))

(defun wherein--item (hit)
  "Make an xref of HIT."
  (let ((symbol (plist-get hit :symbol)))
    (xref-make (format "%s  %s:%d  %s"
                       (if (string-empty-p symbol) (file-name-nondirectory (plist-get hit :path)) symbol)
                       (plist-get hit :path)
                       (plist-get hit :startLine)
                       (mapconcat #'identity (plist-get hit :via) " "))
               (xref-make-file-location (wherein--path (plist-get hit :uri))
                                        (plist-get hit :startLine) 0))))

(defun wherein--go (item)
  "Go to the place of ITEM; \\[xref-go-back] comes back."
  (xref-push-marker-stack)
  (let ((marker (xref-location-marker (xref-item-location item))))
    (switch-to-buffer (marker-buffer marker))
    (goto-char marker)))

(defun wherein--choose (prompt answer all)
  "Let the person choose from ANSWER with PROMPT; ALL shows everything in *xref*."
  (let ((items (mapcar #'wherein--item (plist-get answer :results))))
    (cond
     ((null items) (user-error "%s" (or (elt (plist-get answer :notes) 0) "Nothing found")))
     (all (xref-show-xrefs (lambda () items) nil))
     (t
      (let* ((rows (mapcar (lambda (item) (cons (xref-item-summary item) item)) items))
             (table (lambda (text predicate action) ; keeps the order of the answers
                      (if (eq action 'metadata)
                          '(metadata (display-sort-function . identity))
                        (complete-with-action action rows text predicate))))
             (picked (completing-read prompt table nil t nil nil (caar rows))))
        (wherein--go (cdr (assoc picked rows))))))))

;;;###autoload
(defun wherein-search (question &optional all)
  "Ask the code QUESTION, and go to the answer that is picked.
With a prefix, or ALL, show all answers in *xref*."
  (interactive (list (read-string "Ask the code: " nil 'wherein-history) current-prefix-arg))
  (wherein--choose (format "%s: " question)
                   (wherein--request :wherein/search `(:query ,question :limit ,wherein-limit))
                   all))

;;;###autoload
(defun wherein-similar (&optional all)
  "Find code like the region, or like the definition at point.
With a prefix, or ALL, show everything in *xref*."
  (interactive "P")
  (let* ((first (1- (line-number-at-pos (if (use-region-p) (region-beginning) (point)) t)))
         (last (if (use-region-p) (line-number-at-pos (region-end) t) first)))
    (wherein--choose "Similar code: "
                     (wherein--request
                      :wherein/similar
                      `(:uri ,(wherein--uri) :limit ,wherein-limit
                        :range (:start (:line ,first :character 0) :end (:line ,last :character 0))))
                     all)))

;;;###autoload
(defun wherein-why ()
  "Say why this buffer's file is, or is not, in the index."
  (interactive)
  (message "%s" (plist-get (wherein--request :wherein/why `(:uri ,(wherein--uri))) :sentence)))

;;;###autoload
(defun wherein-status ()
  "Say what the index of this project holds."
  (interactive)
  (message "%s" (mapconcat (lambda (folder) (plist-get folder :sentence))
                           (plist-get (wherein--request :wherein/status nil) :folders) "\n")))

(defun wherein-stop ()
  "Stop the servers that these commands have started."
  (interactive)
  (dolist (each wherein--connections)
    (ignore-errors
      (jsonrpc-request (cdr each) :shutdown nil :timeout 3)
      (jsonrpc-notify (cdr each) :exit nil)))
  (setq wherein--connections nil))

(add-hook 'kill-emacs-hook #'wherein-stop)

(provide 'wherein)
;;; wherein.el ends here
