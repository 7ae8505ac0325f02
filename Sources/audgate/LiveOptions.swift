// How the outside world is asked.

internal import ArgumentParser
internal import Bytes
internal import Policy
internal import Probes
internal import Transport

/// The options of `audgate check --live`.
struct LiveOptions: ParsableArguments {
    @Flag(
        name: .long,
        help:
            "Also ask the outside world: issuers, the gateway by its public names, and the servers behind it."
    )
    var live = false
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Ask for all public names at this address, such as 127.0.0.1:8443, whatever the resolver says.",
            valueName: "address"
        )
    )
    var connectTo: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Trust the authorities in this PEM file, too, for public names.",
            valueName: "file"
        )
    )
    var ca: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Present the token in this file (\"-\": on standard input), which is valid for one route, at all of them.",
            valueName: "file"
        )
    )
    var token: String?

    func validate() throws {
        guard live || (connectTo == nil && ca == nil && token == nil) else {
            throw ValidationError("--connect-to, --ca and --token are for --live.")
        }
        if let connectTo, SocketAddress(connectTo) == nil {
            throw ValidationError(
                "\"\(ClaimText.printable(connectTo))\" is not an address. Write \"address:port\", \"[v6]:port\" or \"unix:/path\"."
            )
        }
    }

    /// Asks about all routes, or one. Ends the command if it cannot begin.
    func check(_ snapshot: Snapshot, route: RouteID?, json: Bool) throws -> LiveReport {
        var options = LiveCheck.Options()
        options.route = route
        options.publicAddress = connectTo.flatMap { SocketAddress($0) }
        options.authorities = try ca.map { try Self.read($0, maximumBytes: 1 << 20, json) }
        options.token = try token.map { path in
            guard path != "-" else { return TokenInput.standardInput() }
            return TokenInput.token(in: try Self.read(path, maximumBytes: TokenInput.maximumLength, json))
        }
        do {
            let check = try LiveCheck(snapshot, options)
            return try Progress.show("Asking issuers, public names and servers: \(check.progress)") {
                try check.run()
            }
        } catch let error as LiveCheckError {
            throw Terminal.failure(error.sentence, json: json)
        } catch let error as SystemError {
            throw Terminal.failure("The system refused a resource (\(error)).", json: json)
        }
    }

    private static func read(_ path: String, maximumBytes: Int, _ json: Bool) throws -> [UInt8] {
        do throws(FileError) {
            let content = try FileContent.read(path, maximumBytes: maximumBytes)
            return Array(copying: content.span)
        } catch {
            throw Terminal.failure(
                "\"\(ClaimText.printable(path))\" cannot be read: \(error.reason).",
                json: json
            )
        }
    }
}
