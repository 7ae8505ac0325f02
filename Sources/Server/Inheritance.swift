// What a process finds open when it starts: from the process that it replaces, or from systemd.

internal import Glibc
internal import OpenSSL
internal import Transport

/// What was handed to this process. Nothing of it is believed unseen: who says otherwise ends the start.
public struct Inheritance {
    /// Who opened the sockets.
    enum Source {
        /// The process that this one replaces.
        case predecessor
        /// systemd, by socket activation.
        case serviceManager
    }

    /// Listening sockets that are open already; they live as long as whoever takes them wants.
    let sockets: Handoff<[ListeningSocketBox]>
    /// Who opened them.
    let source: Source
    /// The connection to the process that this one replaces.
    let predecessor: Handoff<MessageSocket>?
    /// What seals session ids where the configuration names no keys: that of the process before, or a fresh one.
    public let sessionKey: [UInt8]
    /// The issuers whose keys the process before this one has, by `KeyedIssuers`.
    let keyedIssuers: Set<String>

    /// Nothing was handed over.
    public init() {
        self.init(sockets: [])
    }

    private init(sockets: [ListeningSocketBox], predecessor: MessageSocket? = nil, note: HandoverNote? = nil)
    {
        self.sockets = Handoff(sockets)
        self.predecessor = predecessor.map { Handoff($0) }
        source = predecessor == nil ? .serviceManager : .predecessor
        sessionKey = note?.sessionKey ?? SecureRandom.bytes(count: HandoverNote.sessionKeyLength)
        keyedIssuers = Set(note?.keyedIssuers ?? [])
    }

    /// Takes what is there. To be called before anything else is opened.
    ///
    /// - Throws: `StartError.cannotInherit` when the environment names what is not there.
    public static func receive() throws(StartError) -> Inheritance {
        let upgrade: Range<CInt>?
        let activation: Range<CInt>?
        do throws(PassedDescriptorError) {
            upgrade = try PassedDescriptors.ofUpgrade(ProcessEnvironment.value, parent: getppid())
            activation = try PassedDescriptors.ofActivation(ProcessEnvironment.value, process: getpid())
        } catch {
            throw .cannotInherit("The environment variable \(error.variable) \(error.reason).")
        }
        if let upgrade {
            let (connection, note) = try receiveNote()
            return Inheritance(sockets: try adopt(upgrade), predecessor: connection, note: note)
        }
        return Inheritance(sockets: try activation.map(adopt) ?? [])
    }

    private static func receiveNote() throws(StartError) -> (MessageSocket, HandoverNote) {
        let number = ChildProcess.firstDescriptor
        guard let connection = MessageSocket.adopt(number) else {
            throw .cannotInherit("Descriptor \(number) is no connection to the process before this one.")
        }
        guard case .message(let text) = connection.receive(), let note = HandoverNote(text) else {
            throw .cannotInherit("The process before this one has left no note that can be read.")
        }
        return (connection, note)
    }

    private static func adopt(_ descriptors: Range<CInt>) throws(StartError) -> [ListeningSocketBox] {
        var sockets: [ListeningSocketBox] = []
        for descriptor in descriptors {
            do throws(PassedSocketError) {
                sockets.append(try ListeningSocketBox.adopt(descriptor))
            } catch {
                throw .cannotInherit(
                    "Descriptor \(descriptor), which was passed to this process, \(error.reason)."
                )
            }
        }
        return sockets
    }
}
