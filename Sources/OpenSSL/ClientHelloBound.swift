// How long a client may say that its hello is.

/// Follows the records of a client in its handshake, and finds hellos that are too long by their first octets.
///
/// OpenSSL takes hellos of up to 128 KiB, and reserves memory for all of it when four octets have come. Nobody
/// needs that much: a hello with a ticket and post-quantum key shares has less than 4 KiB.
struct ClientHelloBound {
    /// The longest hello, in bytes.
    static let maximumLength = 32 * 1024

    private static let recordHeadLength: UInt8 = 5
    private static let messageHeadLength: UInt8 = 4

    // Types of RFC 8446 §4 and §5.1.
    private static let changeCipherSpec: UInt8 = 20
    private static let handshake: UInt8 = 22
    private static let clientHello: UInt8 = 1

    /// How many octets of a record's head have come.
    private var recordHead: UInt8 = 0
    private var recordType: UInt8 = 0
    /// How many octets of a record are still to come.
    private var recordRest: UInt16 = 0
    /// How many octets of a message's head have come.
    private var messageHead: UInt8 = 0
    private var messageType: UInt8 = 0
    /// How many octets of a message are still to come.
    private var messageRest: UInt32 = 0
    private var isOver = false

    /// Looks at the next octets of a client. False if a hello is too long.
    ///
    /// - Parameter isTLS12: Whether TLS 1.2 was agreed on: what follows ChangeCipherSpec is encrypted then.
    mutating func admits(_ octets: borrowing Span<UInt8>, isTLS12: Bool) -> Bool {
        var index = 0
        while index < octets.count, !isOver {
            if recordHead < Self.recordHeadLength {
                takeRecordHead(octets[index], isTLS12: isTLS12)
                index += 1
            } else if recordType == Self.handshake, messageHead < Self.messageHeadLength {
                takeMessageHead(octets[index])
                index += 1
                guard messageType != Self.clientHello || messageRest <= Self.maximumLength else {
                    return false
                }
            } else {
                index += skip(octets.count - index)
            }
            if recordHead == Self.recordHeadLength, recordRest == 0 { recordHead = 0 }
        }
        return true
    }

    private mutating func takeRecordHead(_ octet: UInt8, isTLS12: Bool) {
        switch recordHead {
        case 0: recordType = octet
        case 3: recordRest = UInt16(octet) << 8
        case 4: recordRest |= UInt16(octet)
        default: break
        }
        recordHead += 1
        isOver = isTLS12 && recordType == Self.changeCipherSpec
    }

    private mutating func takeMessageHead(_ octet: UInt8) {
        if messageHead == 0 {
            messageType = octet
            messageRest = 0
        } else {
            // Three octets at most.
            messageRest = messageRest << 8 | UInt32(octet)
        }
        messageHead += 1
        recordRest -= 1
        if messageHead == Self.messageHeadLength, messageRest == 0 { messageHead = 0 }
    }

    /// Passes over what is no head; returns how much of `count` octets that is.
    private mutating func skip(_ count: Int) -> Int {
        guard recordType == Self.handshake else {
            let step = min(count, Int(recordRest))
            recordRest -= UInt16(step)
            return step
        }
        let step = min(count, Int(recordRest), Int(messageRest))
        recordRest -= UInt16(step)
        messageRest -= UInt32(step)
        if messageRest == 0 { messageHead = 0 }
        return step
    }
}
