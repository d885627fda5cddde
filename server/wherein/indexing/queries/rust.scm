(function_item name: (identifier) @name) @function
(function_signature_item name: (identifier) @name) @function
(struct_item name: (type_identifier) @name) @struct
(union_item name: (type_identifier) @name) @struct
(enum_item name: (type_identifier) @name) @enum
(trait_item name: (type_identifier) @name) @interface
(type_item name: (type_identifier) @name) @type
(mod_item name: (identifier) @name body: (_)) @module
(impl_item type: [(type_identifier) @name (generic_type type: (type_identifier) @name) (scoped_type_identifier name: (type_identifier) @name) (reference_type (type_identifier) @name)]) @scope
(const_item name: (identifier) @name) @constant
(static_item name: (identifier) @name) @constant
(macro_definition name: (identifier) @name) @macro
(use_declaration (visibility_modifier) argument: [(scoped_identifier name: (identifier) @name @reexport) (use_as_clause alias: (identifier) @name @reexport)])
(use_declaration (visibility_modifier) argument: (scoped_use_list list: (use_list [(identifier) @name @reexport (scoped_identifier name: (identifier) @name @reexport) (use_as_clause alias: (identifier) @name @reexport) (scoped_use_list list: (use_list [(identifier) @name @reexport (scoped_identifier name: (identifier) @name @reexport) (use_as_clause alias: (identifier) @name @reexport)]))])))
(attribute_item) @doc
(line_comment) @doc
(block_comment) @doc
(source_file [(macro_invocation (token_tree) @inside) (expression_statement (macro_invocation (token_tree) @inside))])
(declaration_list (macro_invocation (token_tree) @inside))
(impl_item type: [(generic_type type: (scoped_type_identifier name: (_) @name)) (primitive_type) @name (reference_type type: (_) @name) (array_type) @name (tuple_type) @name (dynamic_type) @name (unit_type) @name]) @scope
