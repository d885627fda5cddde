(function_definition name: (identifier) @name) @function
(class_definition name: (identifier) @name) @class
(type_alias_statement (type (identifier) @name)) @type
(module (expression_statement (assignment left: (identifier) @name)) @constant)
(decorator) @doc
(comment) @doc
