// Every corpus file, read in one piece, octet by octet and in random pieces: the result is always the same.

import HTTP
import Testing

@Suite struct CorpusTests {
    @Test(arguments: CorpusFiles.paths(matching: "Corpus/request/*/*.txt"))
    func `reads a request as its corpus file says`(path: String) {
        let message = CorpusMessage(path: path)
        check(message, .requests, path)
    }

    @Test(arguments: CorpusFiles.paths(matching: "Corpus/response/*/*.txt"))
    func `reads a response as its corpus file says`(path: String) {
        let message = CorpusMessage(path: path)
        check(message, .responses(to: message.answering), path)
    }

    @Test func `covers every violation with two files at least`() {
        var counts: [String: Int] = [:]
        for path in CorpusFiles.paths(matching: "Corpus/*/*/*.txt") {
            let message = CorpusMessage(path: path)
            let isGood = path.contains("/good/")
            #expect((message.expectation == "ok") == isGood, "\(path)")
            counts[message.expectation, default: 0] += 1
        }
        let onlyHTTP2: [MessageViolation] = [.malformedMessage, .connectionSpecificField]
        for violation in MessageViolation.allCases where !onlyHTTP2.contains(violation) {
            #expect(counts[violation.rawValue, default: 0] >= 2, "\(violation.rawValue)")
        }
    }

    private func check(_ message: CorpusMessage, _ side: MessageReader.Side, _ path: String) {
        let whole = MessageReader.read(message.octets.span, side) { .max }
        #expect(whole.violation?.rawValue ?? "ok" == message.expectation)
        #expect(whole.unread == 0)
        let isGood = message.expectation == "ok"
        if isGood || !message.lines.isEmpty {
            #expect(whole.messages.map(\.line).prefix(message.lines.count) == message.lines[...])
        }
        if isGood { #expect(whole.messages.count == message.lines.count) }
        #expect(MessageReader.read(message.octets.span, side) { 1 } == whole, "octet by octet")
        var random = SplitMix(seed: 20_260_728)
        let differs = (0..<20).contains { _ in
            MessageReader.read(message.octets.span, side) { Int(random.next() % 40) + 1 } != whole
        }
        #expect(!differs, "in random pieces")
    }
}
