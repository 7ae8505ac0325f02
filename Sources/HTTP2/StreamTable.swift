// The streams of a session, found by their identifiers.

/// Open streams in the order of their identifiers, which is the order in which they were opened.
struct StreamTable {
    private var streams: [HTTP2Stream] = []

    /// How many streams there are.
    var count: Int { streams.count }

    /// Adds a stream that is newer than all others.
    mutating func append(_ stream: HTTP2Stream) {
        streams.append(stream)
    }

    /// The stream with this identifier.
    func stream(_ id: Int32) -> HTTP2Stream? {
        index(of: id).map { streams[$0] }
    }

    /// Takes the stream with this identifier out.
    mutating func remove(_ id: Int32) -> HTTP2Stream? {
        index(of: id).map { streams.remove(at: $0) }
    }

    private func index(of id: Int32) -> Int? {
        var low = 0
        var high = streams.count
        while low < high {
            let middle = (low + high) / 2
            if streams[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < streams.count && streams[low].id == id ? low : nil
    }
}
