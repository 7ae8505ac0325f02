// What a tool is called with.

internal import JSON

/// The arguments of a call.
struct ToolArguments: Sendable {
    /// Longest string argument in bytes.
    static let maximumLength = 4096

    private let object: JSONObject?

    init(_ object: JSONObject?) {
        self.object = object
    }

    /// The string called `name`.
    func string(_ name: String) throws(RPCError) -> String {
        guard let string = object?[name]?.string, string.utf8.count <= Self.maximumLength else {
            throw RPCError(.invalidParams, "The argument \(name) has to be a string of reasonable length.")
        }
        return string
    }

    /// The pause that the caller wishes, 300 milliseconds if none, 10 seconds at most.
    func pause() throws(RPCError) -> Int {
        guard let value = object?["pause_ms"] else { return 300 }
        guard let pause = value.number?.integer, (0...10_000).contains(pause) else {
            throw RPCError(.invalidParams, "The argument pause_ms has to be a number from 0 to 10000.")
        }
        return pause
    }
}
