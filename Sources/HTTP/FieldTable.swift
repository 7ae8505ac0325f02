// The fields of a head: numbers and ranges into the head's own bytes.

public import Bytes

/// A field line: which name, and where its name and value stand in the head.
public struct FieldLine: Sendable {
    /// The name's number.
    public internal(set) var name: FieldName
    /// Where the name stands.
    public let nameRange: ByteRange
    /// Where the value stands, blanks at both ends left out.
    public let valueRange: ByteRange

    /// Makes the line of a field that stands at these places.
    public init(name: FieldName, nameRange: ByteRange, valueRange: ByteRange) {
        self.name = name
        self.nameRange = nameRange
        self.valueRange = valueRange
    }
}

/// The field lines of one head, in their order.
public struct FieldTable: Sendable {
    /// The lines.
    public private(set) var lines: [FieldLine] = []

    /// Makes an empty table.
    public init() {}

    /// Where the value of the first field called `name` stands, nil if there is none.
    public func first(_ name: FieldName) -> ByteRange? {
        for line in lines where line.name == name { return line.valueRange }
        return nil
    }

    /// How many fields are called `name`.
    public func count(of name: FieldName) -> Int {
        var count = 0
        for line in lines where line.name == name { count += 1 }
        return count
    }

    /// Appends a line.
    public mutating func append(_ line: FieldLine) {
        lines.append(line)
    }

    /// Marks the field at `index` as one that `Connection` names.
    public mutating func nominate(at index: Int) {
        lines[index].name = .nominated
    }

    /// Forgets all lines and keeps the memory.
    public mutating func removeAll() {
        lines.removeAll(keepingCapacity: true)
    }
}
