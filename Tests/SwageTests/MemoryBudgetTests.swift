import Swage
import Testing

@Suite(.serialized) struct MemoryBudgetTests {
    @Test func aProductOfExtentsThatOverflowsIsNone() {
        #expect(elementCount([3, 4, 5]) == 60)
        #expect(elementCount([Int]()) == 1)
        #expect(elementCount([1 << 32, 1 << 31]) == nil)
        #expect(elementCount([.max, 2]) == nil)
        #expect(elementCount([.max, .max, 0]) == 0)
        #expect(elementCount([0, .max, .max]) == 0)
        #expect(elementCount([0, -1]) == nil)
        #expect(elementCount([-1, -1]) == nil)
    }

    @Test func moreThanThereIsIsRefusedWithBothNumbers() throws {
        let error = #expect(throws: TrainerError.self) {
            try MemoryBudget.require([1 << 20, 1 << 20, 16], of: Float.self, for: "the logits of a batch")
        }
        #expect(error?.code == .tooLarge)
        #expect(error?.message == "the logits of a batch, 1048576 × 1048576 × 16, would take 70.4 TB")
        #expect(error?.expected?.contains("GB") == true, "\(String(describing: error))")
        #expect(throws: TrainerError.self) { try MemoryBudget.require([.max, .max], of: Float.self, for: "it") }
        #expect(throws: TrainerError.self) { try Tensor(filling: [1 << 31, 1 << 31], with: Float(0)) }
        #expect(throws: TrainerError.self) { try Tensor(filling: [-1], with: Float(0)) }
        #expect(try MemoryBudget.require([1 << 10, 1 << 10], of: Double.self, for: "a value") == 1 << 20)
    }

    @Test func whatTheMachineHasIsMoreThanAProgramTakesAndLessThanAMachineHas() {
        #expect(MachineMemory.available > 16 << 20)
        #expect(MachineMemory.available < 1 << 46)
    }

    @Test func aLimitReadsAsPeopleWriteIt() {
        #expect(MemoryBudget.bytes("8G") == 8 << 30)
        #expect(MemoryBudget.bytes("512mb") == 512 << 20)
        #expect(MemoryBudget.bytes("1000000") == 1_000_000)
        for text in ["", "G", "-1", "1.5G", "99999999999T", "eight"] { #expect(MemoryBudget.bytes(text) == nil, "\(text)") }
    }
}
