package dev.headwater.scoring;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.nn.Block;
import ai.djl.util.Utils;
import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * An ONNX model, loaded by DJL's ONNX Runtime engine and run directly through its session;
 * docs/design/scoring.md explains why not through NDArrays. {@link #close} waits for running calls,
 * because closing a session during a run crashes the process (onnxruntime#21812). Thread-safe.
 */
final class Session implements AutoCloseable {
  private static final String ENGINE = "OnnxRuntime";

  /** Reads the results of a run, which are freed when it returns. */
  interface Reader<T> {
    T read(OrtSession.Result result) throws OrtException;
  }

  /** The only environment of the process. DJL must create it. */
  static final OrtEnvironment ENVIRONMENT = environment();

  /** Kept reachable: DJL finalises an unreachable model and closes its session. */
  private final Model model;

  private final OrtSession session;
  private final ReadWriteLock lock = new ReentrantReadWriteLock();
  private boolean closed;

  private Session(Model model, OrtSession session) {
    this.model = model;
    this.session = session;
  }

  private static OrtEnvironment environment() {
    // DJL's own threads, in addition to those of the sessions; the default is one per core
    System.setProperty("ai.djl.onnxruntime.num_threads", "1");
    System.setProperty("ai.djl.onnxruntime.num_interop_threads", "1");
    Engine.getEngine(ENGINE);
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    retain(environment);
    return environment;
  }

  /**
   * Keeps the environment alive until the process ends. ONNX Runtime releases it in a JVM shutdown
   * hook while records are still being scored; a run that then allocates memory fails or crashes
   * the process (onnxruntime#10670). The environment is reference-counted natively, so this adds a
   * reference that is never released.
   */
  private static void retain(OrtEnvironment environment) {
    try {
      Field api = Class.forName("ai.onnxruntime.OnnxRuntime").getDeclaredField("ortApiHandle");
      Field handle = OrtEnvironment.class.getDeclaredField("nativeHandle");
      Method create =
          OrtEnvironment.class.getDeclaredMethod(
              "createHandle", long.class, int.class, String.class);
      for (AccessibleObject member : List.of(api, handle, create)) {
        member.setAccessible(true);
      }
      int level = OrtLoggingLevel.ORT_LOGGING_LEVEL_WARNING.getValue();
      Object second = create.invoke(null, api.getLong(null), level, "headwater");
      if (!second.equals(handle.getLong(environment))) {
        throw new IllegalStateException(
            "unsupported ONNX Runtime version: its environment is not reference-counted");
      }
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(
          "unsupported ONNX Runtime version: its environment cannot be retained: " + e, e);
    }
  }

  /**
   * Loads a model.
   *
   * @param name name of the model for error messages
   * @throws IllegalArgumentException if ONNX Runtime cannot load the model
   * @throws UncheckedIOException if temporary files cannot be written
   */
  static Session load(String name, byte[] onnx, int intraOpThreads) {
    Model model = Model.newInstance(name, Device.cpu(), ENGINE);
    boolean loaded = false;
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(intraOpThreads);
      options.setInterOpNumThreads(1);
      // ONNX Runtime would keep a memory plan per input shape, which grows without being faster
      options.setMemoryPatternOptimization(false);
      // a failed run throws and becomes a dead letter, so it need not be logged to standard error
      options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
      // spinning threads take CPU time from other threads
      options.addConfigEntry("session.intra_op.allow_spinning", "0");
      options.addConfigEntry("session.inter_op.allow_spinning", "0");
      model.load(new ByteArrayInputStream(onnx), Map.of("sessionOptions", options));
      Session session = new Session(model, session(model.getBlock()));
      loaded = true;
      return session;
    } catch (IOException e) {
      // DJL creates a temporary directory: the model is not at fault
      throw new UncheckedIOException(
          "cannot write temporary files for the %s to %s"
              .formatted(name, System.getProperty("java.io.tmpdir")),
          e);
    } catch (OrtException | MalformedModelException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IllegalArgumentException(
          "ONNX Runtime cannot load the " + name + ": " + cause.getMessage(), e);
    } finally {
      Path directory = model.getModelPath(); // DJL does not delete it
      if (directory != null) {
        Utils.deleteQuietly(directory);
      }
      if (!loaded) {
        model.close();
      }
    }
  }

  /** Returns the session of a DJL block, by reflection because DJL has no accessor. */
  static OrtSession session(Block block) {
    try {
      Field field = block.getClass().getDeclaredField("session");
      field.setAccessible(true);
      return (OrtSession) field.get(block);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(
          "unsupported DJL version: no ONNX Runtime session in " + block.getClass(), e);
    }
  }

  /** Returns the inputs of the model, by name. */
  Map<String, NodeInfo> inputs() throws OrtException {
    return session.getInputInfo();
  }

  /** Runs the model and reads the requested outputs. */
  <T> T run(Map<String, OnnxTensor> inputs, Collection<String> outputs, Reader<T> reader)
      throws OrtException {
    lock.readLock().lock();
    try {
      if (closed) {
        throw new IllegalStateException("scoring is closed");
      }
      try (OrtSession.Result result = session.run(inputs, Set.copyOf(outputs))) {
        return reader.read(result);
      }
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        model.close();
      }
    } finally {
      lock.writeLock().unlock();
    }
  }
}
