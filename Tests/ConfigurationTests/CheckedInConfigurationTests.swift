// The checked-in configuration, and what comes of a good one.

import Configuration
import Policy
import Testing

@Suite struct CheckedInConfigurationTests {
    /// The top level of the project.
    static let project = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")

    @Test func `gateway.json loads without errors and warnings`() throws {
        let configuration = try ConfigurationLoader.load(path: Self.project + "/gateway.json")
        #expect(configuration.warnings == [])
        let snapshot = configuration.snapshot
        #expect(snapshot.listeners.map(\.address) == ["127.0.0.1:8080"])
        #expect(
            snapshot.routes.map(\.resource.text) == [
                "http://127.0.0.1:8080/files", "http://127.0.0.1:8080/calendar",
            ]
        )
        #expect(configuration.development?.authorizationServer == "127.0.0.1:8081")
        #expect(
            configuration.development?.servers == ["files": "127.0.0.1:9001", "calendar": "127.0.0.1:9002"]
        )
    }
}
