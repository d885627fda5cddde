//! A small arena.

use std::collections::HashMap;
use std::fmt;

pub const CAPACITY: usize = 1024;
static NAME: &str = "arena";

pub type Index = u32;

/// A tree of nodes.
#[derive(Debug, Clone)]
pub struct Arena<T> {
    nodes: Vec<T>,
    free: Vec<Index>,
}

struct Unit;

pub enum Event {
    Added(Index),
    Removed { index: Index },
}

pub trait Visitor {
    fn enter(&mut self, index: Index) -> bool;

    fn leave(&mut self, index: Index) {
        let _ = index;
    }
}

impl<T: Clone> Arena<T> {
    /// Makes an empty arena.
    pub fn new() -> Self {
        Arena {
            nodes: Vec::with_capacity(CAPACITY),
            free: Vec::new(),
        }
    }

    #[inline]
    pub fn insert(&mut self, node: T) -> Index {
        if let Some(index) = self.free.pop() {
            self.nodes[index as usize] = node;
            return index;
        }
        self.nodes.push(node);
        (self.nodes.len() - 1) as Index
    }
}

impl<T> fmt::Display for Arena<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} nodes", self.nodes.len())
    }
}

macro_rules! arena {
    ($($node:expr),*) => {{
        let mut arena = Arena::new();
        $(arena.insert($node);)*
        arena
    }};
}

pub async fn load(path: &str) -> Result<HashMap<String, Index>, fmt::Error> {
    fn parse(line: &str) -> Option<Index> {
        line.parse().ok()
    }
    let _ = parse(path);
    Ok(HashMap::new())
}

mod tests {
    use super::*;

    #[test]
    fn inserts() {
        assert_eq!(arena![1].nodes.len(), 1);
    }
}
