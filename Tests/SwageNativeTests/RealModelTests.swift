import Foundation
import Swage
import SwageNative
import Testing
import TestSupport

/// The real SmolLM2 against transformers on the same dequantised weights.
@Suite(.serialized) struct RealModelTests {
    struct Document: Decodable {
        struct Answer: Decodable {
            var question: String
            var prompt: [Int32]
            var completion: [Int32]
            var text: String
            var topIDs: [Int]
            var topLogits: [Double]
        }
        var answers: [Answer]
        var text: String
        var ids: [Int32]
        var logProbs: [Double]
    }

    @Test func greedyTextAndLogitsEqualThoseOfTransformers() async throws {
        let golden = try Golden.json(Document.self, "smollm2.json")
        let trainer = try await NativeTrainer(model: Golden.smolLM2)
        let tokenizer = try await trainer.tokenizer()
        let prompts = try golden.answers.map {
            try tokenizer.encode(chat: [ChatMessage(role: "user", content: $0.question)], addGenerationPrompt: true).ids
        }
        #expect(prompts == golden.answers.map(\.prompt))
        let completions = try await trainer.sampler.generate(prompts, options: .greedy(maxTokens: 24))
        for (answer, completion) in zip(golden.answers, completions) {
            #expect(completion.tokens == answer.completion, "\(answer.text)")
            let logits = try await trainer.forward(
                ForwardInputs(inputIDs: Tensor(rows: [answer.prompt]), outputs: [.logits])
            ).logits!.scalars.suffix(trainer.config().vocabularySize)
            let found = answer.topIDs.map { Double(logits[logits.startIndex + $0]) }
            let difference = relativeDifference(found, answer.topLogits)
            #expect(difference < 1e-4, "logits differ by \(difference)")
        }

        #expect(try tokenizer.encode(golden.text, addSpecialTokens: false) == golden.ids)
        let outputs = try await trainer.forward(
            ForwardInputs(
                inputIDs: Tensor(rows: [Array(golden.ids.dropLast())]),
                targetIDs: Tensor(rows: [Array(golden.ids.dropFirst())]), outputs: [.logProbs]))
        let difference = relativeDifference(outputs.logProbs!.scalars.map(Double.init), golden.logProbs)
        #expect(difference < 1e-4, "log-probabilities differ by \(difference)")
    }

    @Test func aTaskCancelledInTheMiddleOfACallLeavesNoTrace() async throws {
        let trainer = try await NativeTrainer(model: Golden.smolLM2, optimizer: .init(learningRate: 1e-4))
        let ids = (0..<400).map { Int32($0 * 97 % 40000) }
        let batch = TextTrainBatch(inputIDs: try Tensor(rows: [ids]), targetIDs: try Tensor(rows: [ids.reversed()]))
        let short = TextTrainBatch(
            inputIDs: try Tensor(rows: [Array(ids[..<20])]), targetIDs: try Tensor(rows: [Array(ids[20..<40])]))
        let twin = try await NativeTrainer(model: Golden.smolLM2, optimizer: .init(learningRate: 1e-4))
        for engine in [trainer, twin] { _ = try await engine.forwardBackward(short) }
        for delay in [5, 60, 150, 300] {
            let before = try await trainer.status().accumulatedMicrobatches
            let task = Task { try await trainer.forwardBackward(batch) }
            try await Task.sleep(for: .milliseconds(delay))
            task.cancel()
            switch await task.result {
            case .failure(let error):
                #expect(error is CancellationError, "\(error)")
                let after = try await trainer.status().accumulatedMicrobatches
                #expect(after == before, "cancelled after \(delay) ms")
            case .success:
                // The machine was busy with something else than this thread: the call was over before it was cancelled.
                _ = try await twin.forwardBackward(batch)
            }
        }
        let norms = try await [trainer.optimStep().gradientNorm, twin.optimStep().gradientNorm]
        #expect(norms[0] == norms[1])
    }

    /// Products of one row, of a few and of many sum in different orders. That must not show in what is drawn.
    @Test func aCompletionIsTheSameWhateverOthersAreWritten() async throws {
        let trainer = try await NativeTrainer(model: Golden.smolLM2)
        let tokenizer = try await trainer.tokenizer()
        let prompts = try (0..<40).map { index in
            let chat = [ChatMessage(role: "user", content: "Tell me about the number \(index / 2).")]
            return try tokenizer.encode(chat: chat, addGenerationPrompt: true).ids
        }
        var options = SamplingOptions(maxTokens: 20, seed: 12)
        let all = try await trainer.sampler.generate(prompts, options: options).map(\.tokens)
        options.concurrency = 7
        let few = try await trainer.sampler.generate(prompts, options: options).map(\.tokens)
        #expect(few == all)
        for index in [0, 13, 39] {
            options.streams = [UInt64(index)]
            let alone = try await trainer.sampler.generate([prompts[index]], options: options).map(\.tokens)
            #expect(alone == [all[index]])
        }
    }

    /// Groups of a rollout as it is learned from, through continuous batching on the one side and shared prompts on the
    /// other.
    @Test func aRolloutsLogProbabilitiesAreThoseOfTheTrainer() async throws {
        let trainer = try await NativeTrainer(model: Golden.smolLM2)
        let tokenizer = try await trainer.tokenizer()
        let prompts = try ["What is 12 + 7?", "Name a colour.", "Say hello to Ada."].flatMap { question in
            let chat = [ChatMessage(role: "user", content: question)]
            return Array(repeating: try tokenizer.encode(chat: chat, addGenerationPrompt: true).ids, count: 4)
        }
        let completions = try await trainer.sampler.generate(
            prompts, options: SamplingOptions(maxTokens: 24, seed: 5, concurrency: 7))
        let rows = zip(prompts, completions).map { $0 + $1.tokens }
        let length = rows.map(\.count).max()! - 1
        func padded(_ row: some Collection<Int32>) -> [Int32] { row + Array(repeating: 0, count: length - row.count) }
        let outputs = try await trainer.forward(
            ForwardInputs(
                inputIDs: Tensor(rows: rows.map { padded($0.dropLast()) }), targetIDs: Tensor(rows: rows.map { padded($0.dropFirst()) }),
                outputs: [.logProbs]))
        for (row, (prompt, completion)) in zip(prompts, completions).enumerated() {
            let begin = row * length + prompt.count - 1
            let trained = outputs.logProbs!.scalars[begin..<begin + completion.tokens.count]
            let gap = zip(trained, completion.logProbs).map { abs($0 - $1) }.max()!
            #expect(gap < 1e-4, "the log-probabilities of completion \(row) differ by \(gap)")
        }
    }
}

extension TrainerConfig {
    fileprivate var vocabularySize: Int {
        if case .integer(let size)? = modelConfiguration["vocab_size"] { size } else { 0 }
    }
}
