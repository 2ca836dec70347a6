package dev.headwater.scoring;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Decoded;
import dev.headwater.bundle.ModelInput;
import java.io.ByteArrayInputStream;
import java.lang.ref.Reference;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What DJL's NDArrays cost beside the session they wrap: the measurement behind
 * docs/design/scoring.md.
 *
 * <pre>mvn -q test-compile dependency:build-classpath -Dmdep.outputFile=target/cp
 * java -cp target/test-classes:target/classes:$(cat target/cp) \
 *   dev.headwater.scoring.PlumbingCost</pre>
 */
final class PlumbingCost {
  private PlumbingCost() {}

  public static void main(String[] args) throws Exception {
    Path directory = Files.createTempDirectory("plumbing");
    compare("gas", Bundles.gas(directory), 64, 4000);
    compare("clinc", Bundles.clinc(directory), 32, 100);
  }

  /** The same batch both ways, in turns, whichever is first. */
  private static void compare(String name, Bundle bundle, int size, int rounds) throws Exception {
    Model model = Model.newInstance(name, Device.cpu(), "OnnxRuntime");
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      model.load(
          new ByteArrayInputStream(bundle.task().split().backbone()),
          Map.of("sessionOptions", options));
    }
    OrtSession session = Session.session(model.getBlock());
    List<ModelInput> batch = batch(name, bundle, size);
    double[] djl = new double[rounds];
    double[] direct = new double[rounds];
    for (int round = -rounds / 4; round < rounds; round++) {
      boolean first = round % 2 == 0;
      double a = first ? djl(model, batch) : direct(session, batch);
      double b = first ? direct(session, batch) : djl(model, batch);
      if (round >= 0) {
        djl[round] = first ? a : b;
        direct[round] = first ? b : a;
      }
    }
    Reference.reachabilityFence(model);
    Arrays.sort(djl);
    Arrays.sort(direct);
    System.out.printf(
        "%s, batch %d: NDArray %.1f us, OrtSession %.1f us, ratio of medians %.3f%n",
        name, size, djl[rounds / 2], direct[rounds / 2], djl[rounds / 2] / direct[rounds / 2]);
  }

  private static List<ModelInput> batch(String name, Bundle bundle, int size) throws Exception {
    List<Decoded> records = new ArrayList<>();
    for (String line :
        Files.readAllLines(Bundles.data(name).resolve("stream.jsonl")).subList(0, size)) {
      records.add(bundle.decoder().decode(line.getBytes(StandardCharsets.UTF_8)));
    }
    return bundle.decoder().batch(records);
  }

  /** Microseconds for one run, outputs read. */
  private static double djl(Model model, List<ModelInput> batch) {
    long start = System.nanoTime();
    try (NDManager manager = model.getNDManager().newSubManager()) {
      NDList inputs = new NDList();
      for (ModelInput input : batch) {
        DataType type = input.data() instanceof FloatBuffer ? DataType.FLOAT32 : DataType.INT64;
        NDArray array = manager.create(input.data().duplicate(), new Shape(input.shape()), type);
        array.setName(input.name());
        inputs.add(array);
      }
      ParameterStore none = new ParameterStore(manager, false);
      require(model.getBlock().forward(none, inputs, false).get(0).toFloatArray());
    }
    return (System.nanoTime() - start) / 1e3;
  }

  private static double direct(OrtSession session, List<ModelInput> batch) throws OrtException {
    long start = System.nanoTime();
    Map<String, OnnxTensor> inputs = new HashMap<>();
    for (ModelInput input : batch) {
      inputs.put(
          input.name(),
          input.data() instanceof FloatBuffer floats
              ? OnnxTensor.createTensor(Session.ENVIRONMENT, floats.duplicate(), input.shape())
              : OnnxTensor.createTensor(
                  Session.ENVIRONMENT, ((LongBuffer) input.data()).duplicate(), input.shape()));
    }
    try (OrtSession.Result result = session.run(inputs)) {
      FloatBuffer out = ((OnnxTensor) result.get(0)).getFloatBuffer();
      float[] values = new float[out.remaining()];
      out.get(values);
      require(values);
    } finally {
      inputs.values().forEach(OnnxTensor::close);
    }
    return (System.nanoTime() - start) / 1e3;
  }

  private static void require(float[] values) {
    if (values.length == 0 || Float.isNaN(values[0])) {
      throw new IllegalStateException("the network gave nothing");
    }
  }
}
