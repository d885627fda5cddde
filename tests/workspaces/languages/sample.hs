{-# LANGUAGE LambdaCase #-}
-- | A tiny expression language.
module Sample (Expr (..), eval, simplify) where

import qualified Data.Map as Map
import Data.Maybe (fromMaybe)

-- | Names of variables.
type Name = String

newtype Env = Env (Map.Map Name Int)

-- | An expression.
data Expr
  = Lit Int
  | Var Name
  | Add Expr Expr
  deriving (Eq, Show)

class Pretty a where
  pretty :: a -> String
  pretty _ = "?"

instance Pretty Expr where
  pretty (Lit n) = show n
  pretty (Var v) = v
  pretty (Add a b) = pretty a ++ " + " ++ pretty b

-- | Evaluates an expression.
eval :: Env -> Expr -> Either String Int
eval _ (Lit n) = Right n
eval (Env env) (Var v) = case Map.lookup v env of
  Nothing -> Left ("unbound: " ++ v)
  Just n -> Right n
eval env (Add a b) = (+) <$> eval env a <*> eval env b

simplify :: Expr -> Expr
simplify = \case
  Add (Lit 0) e -> simplify e
  Add a b -> Add (simplify a) (simplify b)
  e -> e

limit :: Int
limit = 100

(<+>) :: Expr -> Expr -> Expr
a <+> b = Add a b

main :: IO ()
main = do
  let go n
        | n > limit = pure ()
        | otherwise = go (n + 1)
  go 0
