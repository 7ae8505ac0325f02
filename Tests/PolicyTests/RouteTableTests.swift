// Authority and path to route, compared with a plain search through the list.

import Bytes
import Testing

@testable import Policy

@Suite struct RouteTableTests {
    private static func route(
        _ resource: String,
        covers: Bool = false,
        place: RoutePlace? = nil
    ) throws -> Route {
        Route(
            resource: try ResourceURI(resource),
            issuers: [],
            issuerURIs: ["https://as.example"],
            coversSubpaths: covers,
            place: place,
            upstream: Upstream(endpoints: [], credentials: .forward, connectTimeout: 1, responseTimeout: 1)
        )
    }

    /// The route and the length of its path at `authority` and `path`.
    private static func find(_ table: RouteTable, _ authority: String, _ path: String) -> [Int] {
        guard let number = table.authority(authority.utf8Span.span),
            let match = table.match(authority: number, path: path.utf8Span.span)
        else { return [] }
        return [match.route.index, match.pathLength]
    }

    /// The route whose metadata stands below the well-known prefix.
    private static func metadata(_ table: RouteTable, _ authority: String, _ path: String) -> Int? {
        guard let number = table.authority(authority.utf8Span.span) else { return nil }
        return table.metadata(authority: number, resourcePath: path.utf8Span.span)?.index
    }

    @Test(
        arguments: [
            ("a.example", "/files", [0, 6]), ("A.Example", "/files", [0, 6]),
            ("a.example:443", "/files", [0, 6]),
            ("a.example", "/files/", []), ("a.example", "/Files", []), ("a.example", "/file", []),
            ("a.example", "/filesx", []), ("a.example:80", "/files", []), ("a.example:8443", "/files", []),
            ("b.example", "/files", []), ("xa.example", "/files", []), ("a.example.", "/files", []),
            ("", "/files", []),
            ("a.example", "/tree", [1, 5]), ("a.example", "/tree/", [1, 5]),
            ("a.example", "/tree/x/y", [1, 5]),
            ("a.example", "/treex", []), ("a.example", "/tree/deep", [2, 10]),
            ("a.example", "/tree/deep/x", [2, 10]),
            ("a.example", "/tree/deepx", [1, 5]), ("a.example", "/tree/dee", [1, 5]), ("a.example", "/", []),
            ("root.example", "/", [3, 1]), ("root.example", "/x", [3, 0]), ("root.example", "/x/y", [3, 0]),
            ("only.example", "/", [4, 1]), ("only.example", "/x", []), ("only.example", "", []),
            ("root.example", "", []),
            ("localhost:8080", "/x", [5, 2]), ("localhost", "/x", []), ("[::1]:8080", "/x", [6, 2]),
            ("[::1]", "/x", []),
            ("inner.example", "/place", [7, 6]), ("outer.example", "/x", []),
            ("[2001:db8::1]", "/x", [8, 2]),
            ("[2001:db8::1]:443", "/x", [8, 2]), ("[2001:DB8::1]", "/x", [8, 2]),
        ] as [(String, String, [Int])]
    )
    func `finds the route of a place`(authority: String, path: String, expected: [Int]) throws {
        let table = RouteTable([
            try Self.route("https://a.example/files"),
            try Self.route("https://a.example/tree", covers: true),
            try Self.route("https://a.example/tree/deep", covers: true),
            try Self.route("https://root.example", covers: true),
            try Self.route("https://only.example"),
            try Self.route("http://localhost:8080/x"),
            try Self.route("http://[::1]:8080/x"),
            try Self.route(
                "https://outer.example/x",
                place: RoutePlace(authority: "inner.example", path: "/place")
            ),
            try Self.route("https://[2001:db8::1]/x"),
        ])
        #expect(Self.find(table, authority, path) == expected)
    }

    @Test(arguments: 1...10)
    func `agrees with a plain search`(seed: UInt64) throws {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        func path() -> String {
            (0..<random(4)).map { _ in "/" + ["a", "b", "ab", "c"][random(4)] }.joined()
        }
        var places: [String: (index: Int, covers: Bool)] = [:]
        var routes: [Route] = []
        for _ in 0..<60 {
            let text = ["h", "g", "h.example"][random(3)] + path()
            guard places[text] == nil else { continue }
            let covers = random(2) == 0
            places[text] = (routes.count, covers)
            routes.append(try Self.route("https://" + text, covers: covers))
        }
        let table = RouteTable(routes)
        for _ in 0..<500 {
            let host = ["h", "g", "h.example", "x"][random(4)]
            let asked = path() + ["", "/"][random(2)]
            guard !asked.isEmpty else { continue }
            var expected = places[host + (asked == "/" ? "" : asked)].map {
                [$0.index, asked.utf8.count]
            }
            var parent = asked
            while expected == nil, let slash = parent.lastIndex(of: "/") {
                parent = String(parent[..<slash])
                if let place = places[host + parent], place.covers {
                    expected = [place.index, parent.utf8.count]
                }
            }
            #expect(Self.find(table, host, asked) == expected ?? [], "\(host)\(asked)")
        }
    }

    @Test func `finds the metadata of a resource and of nothing else`() throws {
        let table = RouteTable([
            try Self.route("https://a.example/files", covers: true), try Self.route("https://b.example"),
        ])
        let asked = [
            ("a.example", "/files"), ("a.example", "/files/x"), ("a.example", ""), ("a.example", "/"),
            ("b.example", ""),
            ("b.example", "/files"), ("c.example", "/files"),
        ]
        let found = asked.map { Self.metadata(table, $0.0, $0.1) }
        #expect(found == [0, nil, nil, nil, 1, nil, nil])
    }

    @Test func `a resource's own metadata stands before that of a place elsewhere`() throws {
        let table = RouteTable([
            try Self.route(
                "https://outer.example/x",
                place: RoutePlace(authority: "inner.example", path: "/y")
            ),
            try Self.route("https://inner.example/x"),
        ])
        let found = Self.metadata(table, "inner.example", "/x")
        #expect(found == 1)
    }
}
