(class name: [(constant) (scope_resolution)] @name) @class
(module name: [(constant) (scope_resolution)] @name) @module
(method name: (_) @name) @method
(singleton_method name: (_) @name) @method
(alias name: (_) @name) @method
(program (assignment left: (constant) @name) @constant)
(body_statement (assignment left: (constant) @name) @constant)
(comment) @doc
((call method: (identifier) @_m arguments: (argument_list . (simple_symbol) @name)) @method (#any-of? @_m "define_method" "define_singleton_method" "alias_method"))
