(Decl (FnProto function: (IDENTIFIER) @name)) @function
(Decl (VarDecl variable_type_function: (IDENTIFIER) @name (ErrorUnionExpr (SuffixExpr (ContainerDecl (ContainerDeclType ["struct" "opaque" "union"])))))) @struct
(Decl (VarDecl variable_type_function: (IDENTIFIER) @name (ErrorUnionExpr (SuffixExpr (ContainerDecl (ContainerDeclType "enum")))))) @enum
(Decl (VarDecl variable_type_function: (IDENTIFIER) @name (ErrorUnionExpr (SuffixExpr (ErrorSetDecl))))) @enum
(source_file (Decl (VarDecl variable_type_function: (IDENTIFIER) @name)) @constant)
(TestDecl (STRINGLITERALSINGLE) @name) @function
(doc_comment) @doc
(line_comment) @doc
(TestDecl (IDENTIFIER) @name) @function
