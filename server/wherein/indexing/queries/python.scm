(function_definition name: (identifier) @name) @function
(class_definition name: (identifier) @name) @class
(type_alias_statement left: (type (identifier) @name)) @type
(module (assignment left: (identifier) @name) @variable)
(module (expression_statement (assignment left: (identifier) @name)) @variable)
(decorator) @doc
(comment) @doc
