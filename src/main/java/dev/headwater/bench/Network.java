package dev.headwater.bench;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Head;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * The bundle's whole network as one ordinary ONNX file, for those who know nothing of cuts. Whoever
 * makes a session of it first loads something through DJL, which insists on making the process's
 * environment.
 *
 * @param file its ONNX
 * @param labels by output index
 */
record Network(Path file, List<String> labels) {

  /**
   * @throws IllegalArgumentException where there is not one task that tells one label with a head
   *     of its own
   */
  static Network of(Bundle bundle, Path file) throws IOException {
    Task task = bundle.task();
    Head head =
        task.head()
            .filter(own -> bundle.tasks().size() == 1 && task.masks().isEmpty())
            .filter(own -> own.info().labels().size() > 1)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "bundle %s cannot be compared: the bench wants one task, which tells one label, and a head that comes with the network"
                            .formatted(bundle.name())));
    task.export(head, file);
    return new Network(file, head.info().labels());
  }

  OrtSession session(int intraOpThreads) throws OrtException {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(intraOpThreads);
      options.setInterOpNumThreads(1);
      return OrtEnvironment.getEnvironment().createSession(file.toString(), options);
    }
  }

  /** The output that has a number for each label. */
  String output(OrtSession session) throws OrtException {
    for (NodeInfo output : session.getOutputInfo().values()) {
      long[] shape = ((TensorInfo) output.getInfo()).getShape();
      if (shape.length == 2 && (shape[1] == labels.size() || shape[1] < 0)) {
        return output.getName();
      }
    }
    throw new IllegalArgumentException(
        file + " has no output of " + labels.size() + " numbers a record");
  }
}
