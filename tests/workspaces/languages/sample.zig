const std = @import("std");

pub const limit: usize = 16;

pub const Error = error{ Full, Empty };

/// A fixed stack.
pub const Stack = struct {
    items: [limit]u32 = undefined,
    count: usize = 0,

    pub fn push(self: *Stack, item: u32) Error!void {
        if (self.count == limit) return Error.Full;
        self.items[self.count] = item;
        self.count += 1;
    }

    pub fn pop(self: *Stack) Error!u32 {
        if (self.count == 0) return Error.Empty;
        self.count -= 1;
        return self.items[self.count];
    }
};

const Level = enum {
    low,
    high,

    fn label(self: Level) []const u8 {
        return switch (self) {
            .low => "low",
            .high => "high",
        };
    }
};

const Value = union(enum) { int: i64, none };

pub fn Pair(comptime T: type) type {
    return struct {
        first: T,
        second: T,
    };
}

pub fn main() !void {
    var stack = Stack{};
    try stack.push(1);
}

test "push and pop" {
    var stack = Stack{};
    try stack.push(1);
}
