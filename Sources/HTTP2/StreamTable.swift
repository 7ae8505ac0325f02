// The streams of a session, found by their identifiers.

/// Open streams in the order of their identifiers, which is the order in which they were opened.
struct StreamTable {
    /// The identifiers stand beside the streams, so that looking for one counts no references.
    private var ids: [Int32] = []
    private var streams: [HTTP2Stream] = []

    /// How many streams there are.
    var count: Int { ids.count }

    /// Adds a stream that is newer than all others.
    mutating func append(_ stream: HTTP2Stream) {
        ids.append(stream.id)
        streams.append(stream)
    }

    /// The stream with this identifier.
    func stream(_ id: Int32) -> HTTP2Stream? {
        index(of: id).map { streams[$0] }
    }

    /// Takes the stream with this identifier out.
    mutating func remove(_ id: Int32) -> HTTP2Stream? {
        guard let index = index(of: id) else { return nil }
        ids.remove(at: index)
        return streams.remove(at: index)
    }

    private func index(of id: Int32) -> Int? {
        var low = 0
        var high = ids.count
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < ids.count && ids[low] == id ? low : nil
    }
}
