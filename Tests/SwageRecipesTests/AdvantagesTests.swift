import Swage
import SwageRecipes
import Testing

@Suite struct AdvantagesTests {
    @Test(arguments: Advantages.Baseline.allCases, Advantages.Scale.allCases)
    func theyCentreEachGroup(_ baseline: Advantages.Baseline, _ scale: Advantages.Scale) {
        let groups = [[1.0, 0, 0, 1], [3, 3, 3], [0.5, -2, 7, 1, 1]]
        let found = Advantages(baseline: baseline, scale: scale)(groups)
        for (rewards, advantages) in zip(groups, found) {
            #expect(abs(advantages.reduce(0, +)) < 1e-9, "\(rewards) became \(advantages)")
        }
        #expect(found[1] == [0, 0, 0])
    }

    @Test(arguments: Advantages.Baseline.allCases, Advantages.Scale.allCases)
    func roundingIsNoDifference(_ baseline: Advantages.Baseline, _ scale: Advantages.Scale) {
        // The mean of three tenths is not a tenth.
        let rewards = [0.1, 0.1, 0.1]
        #expect(Advantages(baseline: baseline, scale: scale)([rewards, [0, 1]])[0] == [0, 0, 0])
    }

    @Test func leavingOneOutComparesWithTheOthers() {
        let found = Advantages(baseline: .leaveOneOut, scale: .none)([[4, 1, 1]])[0]
        #expect(found == [3, -1.5, -1.5])
    }

    @Test func theGroupsScaleIsThatOfASample() {
        // TRL divides by torch's std, which is that of a sample, plus 1e-4.
        let found = Advantages()([[0, 1]])[0]
        #expect(abs(found[1] - 0.5 / (0.5.squareRoot() + 1e-4)) < 1e-12)
    }
}

@Suite struct AccuracyTests {
    @Test func wilsonsIntervalIsThatOfTheBooks() {
        let accuracy = Accuracy(problems: 10, samples: 1, right: Array(repeating: 1, count: 8) + [0, 0])
        // 8 of 10: 0.490 to 0.943 (Newcombe, 1998, method 3).
        #expect(abs(accuracy.interval.lowerBound - 0.4902) < 1e-3 && abs(accuracy.interval.upperBound - 0.9433) < 1e-3)
    }

    @Test func passAtKCountsChoicesOfK() {
        let accuracy = Accuracy(problems: 2, samples: 4, right: [1, 0])
        // Of the six choices of two answers, three have the right one.
        #expect(abs(accuracy.pass(at: 2) - 0.25) < 1e-12)
        #expect(accuracy.pass(at: 4) == 0.5 && abs(accuracy.pass(at: 1) - accuracy.value) < 1e-12)
    }
}
