#pragma once
#include <google/protobuf/any.pb.h>
#include <grpcpp/grpcpp.h>
#include <mutex>
#include "checkpoint.hpp"
#include "swage/v1/trainer.grpc.pb.h"

using grpc::Status;
using Call = grpc::ServerContext;

// The service of trainer.proto. What is not here, gRPC answers as UNIMPLEMENTED.
struct Service final : pb::TrainerService::Service {
    Service(const Trainer& trainer, const Checkpoints& checkpoints) : trainer(trainer), checkpoints(checkpoints) {}

    Status Connect(Call* call, const pb::ConnectRequest* request, pb::ConnectResponse* reply) override {
        return answer(call, [&] {
            check(std::ranges::count(request->versions(), 2) > 0, "unsupported", "this trainer speaks version 2");
            reply->set_version(2);
            reply->set_instance(instance);
        });
    }

    Status ForwardBackward(Call* call, const pb::ForwardBackwardRequest* request, pb::ForwardBackwardResponse* reply) override {
        return once(call, request->request_id(), reply, [&] {
            const Batch batch = readBatch(*request, trainer.model);
            *reply = trainer.forwardBackward(batch, loss::Program::parse(request->loss()));
        });
    }

    Status OptimStep(Call* call, const pb::OptimStepRequest* request, pb::OptimStepResponse* reply) override {
        return once(call, request->request_id(), reply, [&] {
            check(!request->has_optimizer(), "unsupported", "there is no optimizer of one step");
            reply->set_accumulated_microbatches(trainer.microbatches);
            reply->set_gradient_norm(trainer.optimStep());
            reply->set_step(trainer.step);
            reply->set_learning_rate(trainer.learningRate);
        });
    }

    Status ClearGradients(Call* call, const pb::ClearGradientsRequest*, pb::ClearGradientsResponse* reply) override {
        return once(call, "", reply, [&] { trainer.clearGradients(); });
    }

    Status Forward(Call* call, const pb::ForwardRequest* request, grpc::ServerWriter<pb::TensorPiece>* stream) override {
        pb::TensorPiece piece;
        return once(call, "", &piece, [&] {  // carried out anew each time
            check(request->request_id().size() <= 256, "invalidOption", "the request_id has more than 256 bytes");
            check(!answers.count(request->request_id()), "invalidOption", "the request_id is taken");
            const std::set<std::string> outputs(request->outputs().begin(), request->outputs().end());
            check(outputs == std::set<std::string>{"logProbs"}, "invalidBatch", "it has logProbs alone");
            const auto logProbs = trainer.model.logProbs(readBatch(*request, trainer.model));
            piece.set_name("logProbs");
            piece.set_type(pb::DATA_TYPE_FLOAT32);
            piece.mutable_shape()->Add(logProbs.shape.begin(), logProbs.shape.end());
            piece.set_data(pack<float>(logProbs.values));
            stream->Write(piece);
        });
    }

    Status Save(Call* call, const pb::SaveRequest* request, pb::SaveResponse* reply) override {
        return once(call, request->request_id(), reply, [&] { reply->set_path(checkpoints.save(trainer, *request)); });
    }

    Status Load(Call* call, const pb::LoadRequest* request, pb::LoadResponse* reply) override {
        return once(call, request->request_id(), reply, [&] { *reply = checkpoints.load(trainer, *request); }, true);
    }

    Status GetConfig(Call* call, const pb::GetConfigRequest*, pb::GetConfigResponse* reply) override {
        return answer(call, [&] {
            reply->set_model_name("bigram");
            (*reply->mutable_model_configuration())["vocab_size"].set_integer(trainer.model.vocabulary);
            reply->mutable_capabilities()->add_outputs("logProbs");
        });
    }

    Status GetStatus(Call* call, const pb::GetStatusRequest*, pb::GetStatusResponse* reply) override {
        return answer(call, [&] {
            reply->set_step(step);
            reply->set_accumulated_microbatches(microbatches);
        });
    }

    Status GetTokenizer(Call* call, const pb::GetTokenizerRequest*, pb::GetTokenizerResponse* reply) override {
        return answer(call, [&] { reply->mutable_files()->insert(checkpoints.files.begin(), checkpoints.files.end()); });
    }

    const std::string instance = std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
    Trainer trainer;
    const Checkpoints checkpoints;
    std::mutex mutex;  // one call after another
    std::map<std::string, google::protobuf::Any> answers;  // by request_id
    std::atomic<int64_t> step = 0, microbatches = 0;       // for those who ask while a call is under way

    // A request that comes again is answered as before: a client whose connection broke may ask twice.
    Status once(Call* call, const std::string& id, google::protobuf::Message* reply, const std::function<void()>& work,
                bool ofAnyStart = false) {
        return answer(call, [&] {
            const std::lock_guard lock(mutex);
            check(id.size() <= 256, "invalidOption", "the request_id has more than 256 bytes");
            if (answers.count(id)) return check(answers[id].UnpackTo(reply), "invalidOption", "the request_id is taken");
            work();
            if (!id.empty()) answers[id].PackFrom(*reply);
            step = trainer.step;
            microbatches = trainer.microbatches;
        }, ofAnyStart);
    }

    // A load alone is for a client of another start as well: it says what the state is from now on.
    Status answer(Call* call, const std::function<void()>& work, bool ofAnyStart = false) try {
        const auto known = call->client_metadata().find("swage-instance");
        if (!ofAnyStart && known != call->client_metadata().end() && known->second != instance)
            return {grpc::ABORTED, "the trainer was started anew, and its state is not what the client knows"};
        work();
        return Status::OK;
    } catch (const TrainerError& error) {
        call->AddTrailingMetadata("swage-error-code", error.code);
        if (!error.expected.empty()) call->AddTrailingMetadata("swage-expected-bin", error.expected);
        return {grpc::FAILED_PRECONDITION, error.what()};  // clients go by the code
    } catch (const fs::filesystem_error& error) {
        call->AddTrailingMetadata("swage-error-code", "inputOutput");
        return {grpc::INTERNAL, error.what()};
    } catch (const std::exception& error) {
        call->AddTrailingMetadata("swage-error-code", "engineFailed");
        return {grpc::INTERNAL, error.what()};
    }
};
