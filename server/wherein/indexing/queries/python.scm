(function_definition name: (identifier) @name) @function
(class_definition name: (identifier) @name) @class
(type_alias_statement left: (type (identifier) @name)) @type
(module (assignment left: (identifier) @name !type) @variable)
(module (assignment left: (identifier) @name type: (_)) @constant)
(module (expression_statement (assignment left: (identifier) @name !type)) @variable)
(module (expression_statement (assignment left: (identifier) @name type: (_))) @constant)
(decorator) @doc
(comment) @doc
