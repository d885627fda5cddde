((call target: (identifier) @_t (arguments (alias) @name) (do_block)) @module (#eq? @_t "defmodule"))
((call target: (identifier) @_t (arguments (alias) @name) (do_block)) @interface (#eq? @_t "defprotocol"))
((call target: (identifier) @_t (arguments . (alias) @name) (do_block)) @scope (#eq? @_t "defimpl"))
((call target: (identifier) @_t (arguments . [(identifier) @name (call target: (identifier) @name) (binary_operator left: (call target: (identifier) @name)) (binary_operator left: (identifier) @name operator: "when")])) @function (#any-of? @_t "def" "defp" "defguard" "defguardp" "defdelegate" "defn" "defnp"))
((call target: (identifier) @_t (arguments . (binary_operator left: [(identifier) (call)] operator: _ @name right: (_)))) @function (#any-of? @_t "def" "defp" "defmacro" "defmacrop") (#not-eq? @name "when"))
((call target: (identifier) @_t (arguments . [(identifier) @name (call target: (identifier) @name) (binary_operator left: (call target: (identifier) @name))])) @macro (#any-of? @_t "defmacro" "defmacrop"))
((call target: (identifier) @_t (arguments . (string (quoted_content) @name))) @function (#any-of? @_t "test" "describe"))
(comment) @doc
((unary_operator operator: "@" operand: (call target: (identifier) @_a)) @doc (#any-of? @_a "doc" "spec" "impl" "moduledoc" "typedoc" "deprecated" "since"))
