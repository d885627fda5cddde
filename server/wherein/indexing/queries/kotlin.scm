(class_declaration "enum" (type_identifier) @name) @enum
(class_declaration "class" (type_identifier) @name) @class
(class_declaration "interface" (type_identifier) @name) @interface
(object_declaration (type_identifier) @name) @class
(companion_object) @scope
(function_declaration (simple_identifier) @name) @function
(type_alias (type_identifier) @name) @type
(source_file (property_declaration (variable_declaration (simple_identifier) @name)) @constant)
(line_comment) @doc
(multiline_comment) @doc
(class_body (property_declaration (variable_declaration (simple_identifier) @name)) @method . (getter))
