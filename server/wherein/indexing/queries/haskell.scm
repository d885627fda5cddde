(declarations (function name: (_) @name) @function)
(declarations (function (infix operator: (operator) @name)) @function)
(declarations (function (infix operator: (infix_id (variable) @name))) @function)
(declarations (signature name: (_) @name) @function)
(declarations (bind name: (_) @name) @function)
(class name: (_) @name) @interface
(class_declarations (signature name: (_) @name) @method)
(class_declarations (function name: (_) @name) @method)
(instance name: (_) @name) @scope
(instance_declarations (function name: (_) @name) @method)
(instance_declarations (bind name: (_) @name) @method)
(data_type name: (_) @name) @type
(newtype name: (_) @name) @type
(type_synomym name: (_) @name) @type
(type_family name: (_) @name) @type
(data_family name: (_) @name) @type
(comment) @doc
(haddock) @doc
(pragma) @doc
(instance_declarations (function (infix operator: (_) @name)) @method)
