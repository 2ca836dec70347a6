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
 * The whole network of a bundle as one ONNX file, without a cut. Load a model through DJL before
 * creating a session: DJL requires that it creates the ONNX Runtime environment of the process.
 *
 * @param file ONNX file
 * @param labels labels by output index
 */
record Network(Path file, List<String> labels) {

  /**
   * Exports the network of a bundle.
   *
   * @throws IllegalArgumentException unless the bundle has one single-label task with a head
   */
  static Network of(Bundle bundle, Path file) throws IOException {
    Task task = bundle.task();
    Head head =
        task.head()
            .filter(bundled -> bundle.tasks().size() == 1 && task.masks().isEmpty())
            .filter(bundled -> bundled.info().labels().size() > 1)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "bundle %s: expected one single-label task with a head in the model"
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

  /** Returns the name of the output with one number per label. */
  String output(OrtSession session) throws OrtException {
    for (NodeInfo output : session.getOutputInfo().values()) {
      long[] shape = ((TensorInfo) output.getInfo()).getShape();
      if (shape.length == 2 && (shape[1] == labels.size() || shape[1] < 0)) {
        return output.getName();
      }
    }
    throw new IllegalArgumentException(
        file + ": no output with " + labels.size() + " numbers per record");
  }
}
