// The route that an option names.

internal import ArgumentParser
internal import Bytes
internal import JSON
internal import Policy

/// Finds a route by its resource.
enum RouteChoice {
    /// The route whose resource is `name`; ends the command with the routes that there are if it is none of them.
    static func route(named name: String, in snapshot: Snapshot, json: Bool) throws -> RouteID {
        if let index = snapshot.routes.firstIndex(where: { $0.resource.text.isIdentical(to: name) }) {
            return RouteID(index)
        }
        let problem = "There is no route \"\(ClaimText.printable(name))\"."
        let routes = snapshot.routes.map(\.resource.text)
        if json {
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("error", problem)
                writer.member("routes", routes)
            }
            let text = writer.finish()
            Terminal.print(String(lossy: text.span))
        } else {
            Terminal.error("\(problem) The routes are:")
            for route in routes { Terminal.error("  \(route)") }
        }
        throw ExitCode(1)
    }
}
