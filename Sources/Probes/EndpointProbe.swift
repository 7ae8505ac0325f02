// Asks the servers behind a route whether they live, and what they take themselves for.

internal import Bytes
internal import HTTP
internal import JSON
internal import Policy
internal import Proxy
internal import Transport

/// The servers of one route.
struct EndpointProbe {
    let route: Route
    let outside: Outside

    /// Asks all endpoints.
    func findings() -> [Finding] {
        var findings: [Finding] = []
        var dead: [(endpoint: Endpoint, problem: String)] = []
        for endpoint in route.upstream.endpoints {
            do throws(BackgroundFailure) {
                let response = try outside.ask(request(to: endpoint, path: endpoint.path))
                findings.append(Self.judge(aliveness: response.status, of: address(endpoint, endpoint.path)))
                findings.append(document(at: endpoint))
            } catch {
                dead.append((endpoint, error.problem))
            }
        }
        // While one lives, its requests are served there.
        let verdict: Finding.Verdict = dead.count == route.upstream.endpoints.count ? .problem : .warning
        let remedy = "Let the server run there, or correct the endpoint or its \"tls\"."
        return findings + dead.map { Finding(verdict, .upstream, $0.problem, remedy) }
    }

    /// Any answer proves life, a refusal included: nobody was told who asks.
    static func judge(aliveness status: Int, of address: String) -> Finding {
        guard status < 500 else {
            let sentence = "\(address) answered with status \(status)."
            return Finding(.warning, .upstream, sentence, "See what is wrong with the server.")
        }
        return Finding(.ok, .upstream, "\(address) answers (status \(status)).")
    }

    private func document(at endpoint: Endpoint) -> Finding {
        let path = ResourceURI.wellKnownPrefix + (endpoint.path == "/" ? "" : endpoint.path)
        do throws(BackgroundFailure) {
            var request = try request(to: endpoint, path: path)
            request.maximumLength = 256 * 1024
            return judge(try outside.ask(request), at: address(endpoint, path))
        } catch {
            return Finding(
                .note,
                .upstreamDocument,
                "\(error.problem) So it is not known what the server is."
            )
        }
    }

    /// Judges what the server says that it is.
    func judge(_ response: BackgroundResponse, at address: String) -> Finding {
        guard response.status == 200, let document = try? JSONReader.read(response.body.span).object,
            let resource = document["resource"]?.string
        else {
            let sentence = "The server has no metadata document of its own: the gateway's is the only one."
            return Finding(.ok, .upstreamDocument, sentence)
        }
        let expected = route.resource.text
        guard !resource.isIdentical(to: expected) else {
            return Finding(.ok, .upstreamDocument, "\(address) names the same resource.")
        }
        let effect =
            switch route.upstream.credentials {
            case .forward:
                "It gets tokens for \(expected), and if it checks their audience, refuses them: clients see 502."
            case .strip:
                "It gets no tokens, but clients that reach it past the gateway would ask for others."
            }
        return Finding(
            .warning,
            .upstreamDocument,
            "\(address) names another resource, \"\(resource)\". \(effect)",
            "Let the server know that it is \(expected)."
        )
    }

    private func request(to endpoint: Endpoint, path: String) throws(BackgroundFailure) -> BackgroundRequest {
        var request = try BackgroundRequest(to: address(endpoint, path))
        request.fields = [("Accept", "application/json")]
        request.tls = route.upstream.tls
        request.speaksHTTP2 = route.upstream.speaksHTTP2
        request.maximumLength = 0
        if let path = endpoint.unixPath { request.addresses = [SocketAddress(.unix(path))] }
        return request
    }

    private func address(_ endpoint: Endpoint, _ path: String) -> String {
        "\(endpoint.isSecure ? "https" : "http")://\(endpoint.authority)\(path)"
    }
}
