(class_definition name: (identifier) @name) @class
(object_definition name: (identifier) @name) @class
(trait_definition name: (identifier) @name) @interface
(enum_definition name: (identifier) @name) @enum
(function_definition name: (_) @name) @function
(function_declaration name: (_) @name) @method
(type_definition name: (_) @name) @type
(val_definition pattern: (identifier) @name) @variable
(extension_definition) @scope
(comment) @doc
(block_comment) @doc
