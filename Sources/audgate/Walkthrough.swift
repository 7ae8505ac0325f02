// The commands to try on a development setup: they show what the gateway is for.

internal import Configuration
internal import Glibc
internal import Policy

/// Commands to paste into a shell, made for one configuration.
struct Walkthrough {
    /// The commands, each with a line that says what it shows.
    let text: String

    private static let message =
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami"}}"#

    /// Makes the commands.
    ///
    /// - Parameters:
    ///   - configuration: A configuration with a development setup.
    ///   - source: The option that makes `audgate explain` use this configuration, quoted for the shell.
    init(_ configuration: GatewayConfiguration, source: String) {
        let server = configuration.development.map { "http://\($0.authorizationServer)" } ?? ""
        let resources = Self.resources(configuration)
        var steps = [
            ("No token: 401, and where to get one.", [Self.call(resources[0], with: nil)]),
            (
                "The document that the answer points to, for MCP clients: which authorization server to ask.",
                ["curl -s -w '\\n' \(Shell.quoted(resources[0].metadataURL))"]
            ),
            (
                "A token for \(resources[0].text), and for nothing else.",
                [
                    "TOKEN=$(curl -s \(Shell.quoted(server + "/token")) -d grant_type=client_credentials "
                        + "-d client_id=demo -d client_secret=demo \\\n    "
                        + "--data-urlencode \(Shell.quoted("resource=" + resources[0].text)) "
                        + #"| sed 's/.*"access_token":"\([^"]*\)".*/\1/')"#
                ]
            ),
            ("With it: 200, answered by the MCP server.", [Self.call(resources[0], with: "$TOKEN")]),
        ]
        if resources.count > 1 {
            let explain = [Shell.executable, "explain", source, "--route", Shell.quoted(resources[1].text)]
            steps += [
                (
                    "The same token at another MCP server: 401 invalid_token.",
                    [Self.call(resources[1], with: "$TOKEN")]
                ), ("Why?", [#"echo "$TOKEN" | "# + explain.joined(separator: " ")]),
            ]
        }
        text =
            "The development setup is running. Try in another terminal:\n"
            + steps.enumerated().map { number, step in
                "\n# \(number + 1). \(step.0)\n" + step.1.joined(separator: "\n")
            }.joined(separator: "\n")
    }

    /// The resources of up to two routes, those with a sample server behind them first.
    private static func resources(_ configuration: GatewayConfiguration) -> [ResourceURI] {
        let servers = configuration.development.map { Set($0.servers.values) } ?? []
        let routes = configuration.snapshot.routes
        let isSample = { (route: Route) in
            route.upstream.endpoints.contains { servers.contains($0.authority) }
        }
        return (routes.filter(isSample) + routes.filter { !isSample($0) }).prefix(2).map(\.resource)
    }

    private static func call(_ resource: ResourceURI, with token: String?) -> String {
        let authorization = token.map { " -H \"Authorization: Bearer \($0)\"" } ?? ""
        return "curl -i -w '\\n' \(Shell.quoted(resource.text))\(authorization) \\\n"
            + "    -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \\\n"
            + "    -d '\(message)'"
    }
}

/// How words are written for a shell.
enum Shell {
    /// `word` as one word of a command, in single quotes where it needs them.
    static func quoted(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-._/:=@%+,".utf8.contains($0)
                }
            }
        return isPlain
            ? word
            : "'"
                + word.split(separator: "'", omittingEmptySubsequences: false)
                .joined(separator: #"'\''"#) + "'"
    }

    /// The path of the file at `path`, so that it is found from every folder, quoted.
    static func absolute(_ path: String) -> String {
        guard let resolved = unsafe realpath(path, nil) else { return quoted(path) }
        // `realpath` gives a terminated string that is ours to free.
        defer { unsafe free(resolved) }
        return quoted(unsafe String(cString: resolved))
    }

    /// This program, quoted, so that it is found from every folder.
    static var executable: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0, count < buffer.count else { return "audgate" }
        return quoted(String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
}
