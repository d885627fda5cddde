import Foundation

let maxRetries = 3

typealias Handler = (String) -> Void

protocol Store {
    associatedtype Item
    func item(at index: Int) -> Item?
}

enum Level: Int {
    case low, high

    var label: String {
        return self == .low ? "low" : "high"
    }
}

struct Point {
    var x: Double
    var y: Double

    func distance(to other: Point) -> Double {
        let dx = x - other.x
        return (dx * dx).squareRoot()
    }
}

/// Uploads in the background.
@MainActor
final class Uploader {
    private var queue: [String] = []

    init(queue: [String]) {
        self.queue = queue
    }

    deinit {
        queue.removeAll()
    }

    func upload(_ name: String) async throws -> Bool {
        guard !name.isEmpty else { return false }
        queue.append(name)
        return true
    }

    static func shared() -> Uploader {
        return Uploader(queue: [])
    }
}

extension Point: CustomStringConvertible {
    func describe() -> String {
        return "(\(x), \(y))"
    }
}

func clamp(_ value: Int, low: Int, high: Int) -> Int {
    return min(max(value, low), high)
}
