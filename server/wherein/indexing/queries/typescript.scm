(function_declaration name: (identifier) @name) @function
(generator_function_declaration name: (identifier) @name) @function
(function_signature name: (identifier) @name) @function
(class_declaration name: (type_identifier) @name) @class
(abstract_class_declaration name: (type_identifier) @name) @class
(interface_declaration name: (type_identifier) @name) @interface
(enum_declaration name: (identifier) @name) @enum
(type_alias_declaration name: (type_identifier) @name) @type
(internal_module name: (_) @name) @module
(module name: (_) @name) @module
(method_definition name: (_) @name) @method
(abstract_method_signature name: (_) @name) @method
(method_signature name: (_) @name) @method
(public_field_definition name: (_) @name value: [(arrow_function) (function_expression)]) @method
(lexical_declaration (variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression) (generator_function)])) @function
(variable_declaration (variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression) (generator_function)])) @function
(lexical_declaration (variable_declarator name: (identifier) @name value: (class))) @class
(expression_statement (assignment_expression left: [(identifier) (member_expression)] @name right: [(arrow_function) (function_expression) (generator_function)])) @function
(pair key: [(property_identifier) (string)] @name value: [(arrow_function) (function_expression)]) @function
(expression_statement (assignment_expression left: [(identifier) (member_expression)] @name right: (assignment_expression right: [(arrow_function) (function_expression) (generator_function)]))) @function
(variable_declaration (variable_declarator name: (identifier) @name value: (assignment_expression right: [(arrow_function) (function_expression) (generator_function)]))) @function
(lexical_declaration (variable_declarator name: (identifier) @name value: (assignment_expression right: [(arrow_function) (function_expression) (generator_function)]))) @function
(variable_declaration (variable_declarator name: (identifier) @name value: (class))) @class
(expression_statement (assignment_expression left: (member_expression property: (property_identifier) @_p) @name right: (object)) @scope (#eq? @_p "prototype"))
(expression_statement (call_expression arguments: (arguments (function_expression name: (identifier) @name)))) @function
(return_statement (function_expression name: (identifier) @name) @function)
(program (lexical_declaration (variable_declarator name: (identifier) @name value: (call_expression arguments: (arguments [(function_expression) (arrow_function body: (statement_block))])))) @function)
(program (expression_statement (assignment_expression left: (member_expression) @name right: (call_expression arguments: (arguments [(function_expression) (arrow_function body: (statement_block))])))) @function)
(pair key: [(property_identifier) (string)] @name value: (generator_function)) @function
(program (lexical_declaration (variable_declarator name: (identifier) @name)) @variable)
(program (export_statement declaration: (lexical_declaration (variable_declarator name: (identifier) @name)) @constant))
(export_statement (export_clause [(export_specifier !alias name: (identifier) @name @reexport) (export_specifier alias: (identifier) @name @reexport)]) source: (string))
(export_statement (namespace_export (identifier) @name @reexport))
(comment) @doc
(decorator) @doc
(ambient_declaration [(lexical_declaration (variable_declarator name: (identifier) @name)) (variable_declaration (variable_declarator name: (identifier) @name))] @constant)
