(class_declaration name: (identifier) @name) @class
(record_declaration name: (identifier) @name) @class
(interface_declaration name: (identifier) @name) @interface
(annotation_type_declaration name: (identifier) @name) @interface
(enum_declaration name: (identifier) @name) @enum
(method_declaration name: (identifier) @name) @method
(constructor_declaration name: (identifier) @name) @method
(compact_constructor_declaration name: (identifier) @name) @method
((field_declaration (modifiers) @_m declarator: (variable_declarator name: (identifier) @name)) @constant (#match? @_m "static.*final|final.*static"))
(line_comment) @doc
(block_comment) @doc
