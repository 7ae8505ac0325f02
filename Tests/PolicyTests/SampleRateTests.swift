// Which traces are chosen: by their ids alone, as many as were asked for, and the same by everybody.

import Policy
import Testing

@Suite struct SampleRateTests {
    @Test(arguments: [-0.000001, 1.000001, -1, 2, .nan, .infinity, -.infinity])
    func `is from none to all`(_ share: Double) {
        #expect(SampleRate(share) == nil)
    }

    @Test func `chooses all or none at its ends`() throws {
        let (none, all) = (try #require(SampleRate(0)), try #require(SampleRate(1)))
        #expect(all == .all)
        for id in [0, 1, 1 << 55, 1 << 56 - 1, 1 << 56, .max] as [UInt64] {
            #expect(all.chooses(id))
            #expect(!none.chooses(id))
        }
    }

    /// Share, last 64 bits of a trace id, whether it is chosen: by the last 56 bits, the larger the sooner.
    @Test(arguments: [
        (0.5, 0x0080_0000_0000_0000 as UInt64, true), (0.5, 0x007f_ffff_ffff_ffff, false),
        (0.5, 0xff7f_ffff_ffff_ffff, false), (0.5, 0xff80_0000_0000_0000, true),
        (0.25, 0x00bf_ffff_ffff_ffff, false), (0.25, 0x00c0_0000_0000_0000, true),
        (1e-17, 0x00ff_ffff_ffff_ffff, false), (0.000001, 0x00ff_ffff_ffff_ffff, true),
    ])
    func `chooses by the random part of the id`(_ share: Double, _ id: UInt64, _ isChosen: Bool) {
        #expect(SampleRate(share)?.chooses(id) == isChosen)
    }

    @Test(arguments: [0.01, 0.1, 0.9])
    func `chooses about the share that was asked for, and all that a smaller share chooses`(_ share: Double)
        throws
    {
        let (rate, smaller) = (try #require(SampleRate(share)), try #require(SampleRate(share / 2)))
        var generator = SystemRandomNumberGenerator()
        var count = 0
        for _ in 0..<100_000 {
            let id: UInt64 = generator.next()
            if rate.chooses(id) { count += 1 }
            if smaller.chooses(id) { #expect(rate.chooses(id)) }
        }
        // Ten standard deviations.
        #expect(abs(Double(count) - share * 100_000) < 10 * (share * (1 - share) * 100_000).squareRoot())
    }
}
