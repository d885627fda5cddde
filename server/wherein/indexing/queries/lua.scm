(function_declaration name: [(identifier) (dot_index_expression) (method_index_expression)] @name) @function
(assignment_statement (variable_list name: [(identifier) (dot_index_expression)] @name) (expression_list value: (function_definition))) @function
(variable_declaration (assignment_statement (variable_list name: (identifier) @name) (expression_list value: (function_definition)))) @function
(field name: (identifier) @name value: (function_definition)) @function
(chunk (variable_declaration (assignment_statement (variable_list name: (identifier) @name))) @variable)
(comment) @doc
(assignment_statement (variable_list name: (bracket_index_expression field: (string) @name)) (expression_list value: (function_definition))) @function
(assignment_statement (variable_list name: [(identifier) (dot_index_expression)] @name) (expression_list value: [(binary_expression right: (function_definition)) (function_call arguments: (arguments (function_definition)))])) @function
(field name: (string) @name value: (function_definition)) @function
