// The fields of one header block, as nghttp2 decodes them one by one.

internal import Bytes
internal import HTTP

/// Stores the fields of a head up to the limits, and remembers the first rule that they break.
struct FieldSection: ~Copyable {
    /// What the fields belong to.
    enum Kind {
        case request
        case response
        /// Checked and dropped.
        case trailers
    }

    /// The pseudo-header fields (RFC 9113 §8.3), as places in `bytes`; nghttp2 sees to it that none comes twice.
    struct PseudoFields {
        var method: ByteRange?
        var scheme: ByteRange?
        var authority: ByteRange?
        var path: ByteRange?
        var status: ByteRange?
    }

    /// How many times `headerBytes` the fields of one block may have, decoded: what is above `headerBytes` is not
    /// stored, what is above this ends the connection, as a few octets of HPACK stand for 4 KiB each.
    private static let listFactor = 4

    private(set) var kind = Kind.request
    private(set) var pseudo = PseudoFields()
    /// The first rule that the fields break.
    var violation: MessageViolation?
    /// The regular fields, and the octets of all.
    var fields = FieldTable()
    var bytes = ByteBuffer()
    private var size = 0
    private var count = 0

    /// Forgets the block before.
    mutating func begin(_ kind: Kind) {
        self.kind = kind
        pseudo = PseudoFields()
        violation = nil
        fields.removeAll()
        bytes.removeAll()
        size = 0
        count = 0
    }

    /// Takes one field; `false` if the block is so large that no more of it may be decoded.
    mutating func append(
        _ name: borrowing Span<UInt8>,
        _ value: borrowing Span<UInt8>,
        limits: MessageLimits
    ) -> Bool {
        // nghttp2 bounds each name and value by 64 KiB, and there are no more than octets in a block.
        size += name.count + value.count + 32
        count += 1
        guard size <= Self.listFactor * limits.headerBytes else { return false }
        guard violation == nil else { return true }
        if kind == .trailers {
            checkTrailer(name, value, limits)
        } else if size > limits.headerBytes {
            violation = .headTooLong
        } else if name.isEmpty {
            violation = .invalidFieldName
        } else if name[0] == UInt8(ascii: ":") {
            appendPseudo(name, value)
        } else {
            appendRegular(name, value, limits)
        }
        return true
    }

    private mutating func appendPseudo(_ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>) {
        let range = store(value)
        if name.equals(":method") {
            pseudo.method = range
        } else if name.equals(":path") {
            pseudo.path = range
        } else if name.equals(":authority") {
            pseudo.authority = range
        } else if name.equals(":scheme") {
            pseudo.scheme = range
        } else if name.equals(":status") {
            pseudo.status = range
        } else {
            violation = .malformedMessage
        }
    }

    private mutating func appendRegular(
        _ name: borrowing Span<UInt8>,
        _ value: borrowing Span<UInt8>,
        _ limits: MessageLimits
    ) {
        guard fields.lines.count < limits.fieldCount else { return violation = .tooManyFields }
        let number = FieldName(name)
        guard !number.isConnectionSpecific,
            number != .te || value.equalsIgnoringCase("trailers")
        else { return violation = .connectionSpecificField }
        guard ASCII.isFieldValue(value) else { return violation = .invalidFieldValue }
        let nameRange = store(name)
        fields.append(FieldLine(name: number, nameRange: nameRange, valueRange: store(value)))
    }

    private mutating func checkTrailer(
        _ name: borrowing Span<UInt8>,
        _ value: borrowing Span<UInt8>,
        _ limits: MessageLimits
    ) {
        let isGood =
            size <= limits.trailerBytes && count <= limits.fieldCount && FieldName(name).mayTrail
            && ASCII.isFieldValue(value)
        if !isGood { violation = .invalidTrailer }
    }

    private mutating func store(_ octets: borrowing Span<UInt8>) -> ByteRange {
        let start = bytes.count
        bytes.append(octets)
        return ByteRange(start, bytes.count)
    }
}
