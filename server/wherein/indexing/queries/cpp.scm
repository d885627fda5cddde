(function_definition declarator: (function_declarator declarator: [(field_identifier) (qualified_identifier) (destructor_name) (operator_name) (template_function)] @name)) @function
((function_definition declarator: (function_declarator declarator: (identifier) @name)) @function (#not-match? @name "^(TYPED_)?TEST(_F|_P)?$"))
((function_definition declarator: (function_declarator declarator: (identifier) @_t parameters: (parameter_list . (parameter_declaration type: (type_identifier) @of) . (parameter_declaration type: (type_identifier) @name) .))) @function (#any-of? @_t "TEST" "TEST_F" "TEST_P" "TYPED_TEST" "TYPED_TEST_P"))
((function_definition declarator: (function_declarator declarator: (identifier) @_t parameters: (parameter_list . (parameter_declaration type: (type_identifier) @name) .))) @function (#any-of? @_t "TEST" "TEST_F" "TEST_P" "TYPED_TEST" "TYPED_TEST_P"))
(function_definition declarator: (pointer_declarator declarator: (function_declarator declarator: [(identifier) (field_identifier) (qualified_identifier) (operator_name)] @name))) @function
(function_definition declarator: (reference_declarator (function_declarator declarator: [(identifier) (field_identifier) (qualified_identifier) (operator_name)] @name))) @function
(class_specifier name: [(type_identifier) (template_type) (qualified_identifier)] @name body: (_)) @class
(struct_specifier name: [(type_identifier) (template_type) (qualified_identifier)] @name body: (_)) @struct
(union_specifier name: (type_identifier) @name body: (_)) @struct
(enum_specifier name: [(type_identifier) (qualified_identifier)] @name body: (_)) @enum
(namespace_definition name: (_) @name) @module
(namespace_definition !name) @module
(type_definition type: (struct_specifier body: (_)) declarator: (type_identifier) @name) @struct
(type_definition type: (enum_specifier body: (_)) declarator: (type_identifier) @name) @enum
(type_definition type: [(primitive_type) (sized_type_specifier) (type_identifier) (template_type) (qualified_identifier) (struct_specifier !body)] declarator: [(type_identifier) @name (pointer_declarator declarator: (type_identifier) @name) (function_declarator declarator: (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name)))]) @type
(alias_declaration name: (type_identifier) @name) @type
(concept_definition name: (identifier) @name) @type
(preproc_def name: (identifier) @name value: (_)) @macro
(preproc_function_def name: (identifier) @name) @macro
(translation_unit (declaration declarator: (init_declarator declarator: (identifier) @name)) @variable)
(comment) @doc
(function_definition declarator: (operator_cast) @name) @function
