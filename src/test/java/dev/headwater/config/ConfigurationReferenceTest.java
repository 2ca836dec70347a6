package dev.headwater.config;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.source.doctree.DocCommentTree;
import com.sun.source.doctree.DocTree;
import com.sun.source.doctree.LiteralTree;
import com.sun.source.doctree.StartElementTree;
import com.sun.source.doctree.TextTree;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import dev.headwater.GeneratedFile;
import io.smallrye.config.WithDefault;
import io.smallrye.config.common.utils.StringUtil;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Generates the configuration reference from the settings interfaces and their Javadoc. */
class ConfigurationReferenceTest {
  private static final int WIDTH = 98;

  /** Plain words for the types of values. */
  private static final Map<Type, String> TYPES =
      Map.of(
          int.class, "integer",
          Integer.class, "integer",
          short.class, "integer",
          double.class, "number",
          Double.class, "number",
          boolean.class, "boolean",
          Duration.class, "duration",
          Path.class, "path",
          URI.class, "URL",
          String.class, "string");

  /** Values of keys without a default that make the reference file loadable. */
  private static final Map<String, String> EXAMPLES =
      Map.of("name", "example", "bundle.directory", "/models/example");

  /** Sections of Kafka and of the registry client, which have no interface. */
  private static final String PASSED_THROUGH =
      """

      # Kafka client properties, passed through under Kafka's own names.
      kafka:
        bootstrap.servers: localhost:9092
        # group.instance.id: scorer-1

      # Properties of the schema registry client, passed through; required for avro.
      # registry:
      #   url: http://localhost:8081
      """;

  /** By simple class name and method name, in source order. */
  private static final Map<String, Map<String, DocCommentTree>> METHODS = new LinkedHashMap<>();

  private static final Map<String, DocCommentTree> CLASSES = new LinkedHashMap<>();

  /** A section or a key. */
  private record Key(String path, Method method) {
    /** Javadoc of the method, or of the section's interface. */
    DocCommentTree doc() {
      DocCommentTree own = METHODS.get(name(method.getDeclaringClass())).get(method.getName());
      DocCommentTree doc = own == null && isSection() ? CLASSES.get(name(section())) : own;
      return Objects.requireNonNull(doc, () -> "no Javadoc: " + path);
    }

    boolean isSection() {
      return section() != null;
    }

    /** The interface of the keys below this one, or null. */
    Class<?> section() {
      Type type = method.getGenericReturnType();
      if (type instanceof ParameterizedType map && map.getRawType() == Map.class) {
        type = map.getActualTypeArguments()[1];
      }
      return type instanceof Class<?> of && of.getPackage() == RawConfig.class.getPackage()
          ? of
          : null;
    }

    boolean isMap() {
      return method.getReturnType() == Map.class;
    }

    Optional<String> defaultValue() {
      return Optional.ofNullable(method.getAnnotation(WithDefault.class)).map(WithDefault::value);
    }

    String type() {
      return type(method.getGenericReturnType());
    }

    private static String type(Type type) {
      if (type instanceof ParameterizedType generic) {
        Type[] arguments = generic.getActualTypeArguments();
        return generic.getRawType() == Optional.class
            ? type(arguments[0])
            : generic.getRawType() == List.class
                ? "list of " + type(arguments[0])
                : "map to " + type(arguments[1]);
      }
      return type instanceof Class<?> of && of.isEnum() ? "enum" : TYPES.get(type);
    }
  }

  @BeforeAll
  static void parse() throws Exception {
    var compiler = ToolProvider.getSystemJavaCompiler();
    var files = compiler.getStandardFileManager(null, null, null);
    var sources =
        files.getJavaFileObjects(
            Stream.of("RawConfig", "RawAdapt", "RawGate", "RawReplay", "RawTask")
                .map(name -> Path.of("src/main/java/dev/headwater/config", name + ".java"))
                .toArray(Path[]::new));
    JavacTask task = (JavacTask) compiler.getTask(null, files, null, null, null, sources);
    DocTrees docs = DocTrees.instance(task);
    for (CompilationUnitTree unit : task.parse()) {
      new TreePathScanner<Void, Void>() {
        @Override
        public Void visitClass(ClassTree type, Void unused) {
          CLASSES.put(name(getCurrentPath()), docs.getDocCommentTree(getCurrentPath()));
          METHODS.put(name(getCurrentPath()), new LinkedHashMap<>());
          return super.visitClass(type, unused);
        }

        @Override
        public Void visitMethod(MethodTree method, Void unused) {
          METHODS
              .get(name(getCurrentPath().getParentPath()))
              .put(method.getName().toString(), docs.getDocCommentTree(getCurrentPath()));
          return null;
        }
      }.scan(unit, null);
    }
  }

  @Test
  void pageDescribesEveryKey() throws Exception {
    List<Key> top = keys(RawConfig.class, "");
    StringBuilder page = new StringBuilder();
    introduction().forEach(text -> page.append(text).append("\n\n"));
    page.append("## General\n\n");
    table(page, top.stream().filter(key -> !key.isSection()).toList());
    for (Key section : top.stream().filter(Key::isSection).toList()) {
      page.append("\n## ").append(section.path()).append("\n\n");
      paragraphs(section.doc()).forEach(text -> page.append(text).append("\n\n"));
      table(page, leaves(section));
    }

    new GeneratedFile(Path.of("docs/reference/configuration.md")).endsWith(page.toString());
  }

  @Test
  void referenceFileContainsEveryKey() throws Exception {
    StringBuilder yaml = new StringBuilder();
    comment(yaml, "", "Every configuration key with its default. Generated from the settings.");
    for (String text : introduction()) {
      yaml.append("#\n");
      comment(yaml, "", text);
    }
    for (Key key : keys(RawConfig.class, "")) {
      yaml.append('\n');
      append(yaml, key, "", false);
      if (key.path().equals("bundle")) {
        yaml.append(PASSED_THROUGH);
      }
    }

    new GeneratedFile(Path.of("deploy/reference.yaml")).is(yaml.toString());
  }

  private static void append(StringBuilder yaml, Key key, String indent, boolean isDisabled)
      throws NoSuchMethodException {
    paragraphs(key.doc()).forEach(text -> comment(yaml, indent, text));
    String name = key.path().substring(key.path().lastIndexOf('.') + 1);
    if (key.isSection()) {
      boolean isInnerDisabled = isDisabled || key.isMap();
      yaml.append(indent).append(isInnerDisabled ? "# " : "").append(name).append(":\n");
      String inner = indent + "  ";
      if (key.isMap()) {
        yaml.append(inner).append("# NAME:\n");
        inner += "  ";
      }
      for (Key child : keys(key.section(), key.path())) {
        append(yaml, child, inner, isInnerDisabled);
      }
      return;
    }
    String value = key.defaultValue().orElse(EXAMPLES.getOrDefault(key.path(), ""));
    String mark = value.isEmpty() || isDisabled ? "# " : "";
    if (key.method().getReturnType() == List.class) {
      value = "[" + value + "]";
    }
    yaml.append(indent).append(mark).append(name).append(':');
    yaml.append(value.isEmpty() ? "" : " " + value).append('\n');
  }

  private static void comment(StringBuilder yaml, String indent, String text) {
    StringBuilder line = new StringBuilder(indent + "#");
    for (String word : text.replace("`", "").split(" ")) {
      if (line.length() + 1 + word.length() > WIDTH) {
        yaml.append(line).append('\n');
        line = new StringBuilder(indent + "#");
      }
      line.append(' ').append(word);
    }
    yaml.append(line).append('\n');
  }

  private static void table(StringBuilder page, List<Key> keys) {
    page.append("| Key | Type | Default | Description |\n|---|---|---|---|\n");
    for (Key key : keys) {
      page.append(
          "| `%s` | %s | %s | %s |\n"
              .formatted(
                  key.path(),
                  key.type(),
                  key.defaultValue().map(value -> "`" + value + "`").orElse("–"),
                  String.join(" ", paragraphs(key.doc()).toList()).replace("|", "\\|")));
    }
  }

  /** All keys below a section, sections within it included. */
  private static List<Key> leaves(Key section) throws NoSuchMethodException {
    String path = section.path() + (section.isMap() ? ".NAME" : "");
    List<Key> leaves = new ArrayList<>();
    for (Key key : keys(section.section(), path)) {
      leaves.addAll(key.isSection() ? leaves(key) : List.of(key));
    }
    return leaves;
  }

  private static List<Key> keys(Class<?> section, String path) throws NoSuchMethodException {
    Set<String> methods = METHODS.get(name(section)).keySet();
    assertThat(methods)
        .as("methods of %s", section)
        .containsExactlyInAnyOrderElementsOf(
            Stream.of(section.getMethods()).map(Method::getName).toList());
    List<Key> keys = new ArrayList<>();
    for (String method : methods) { // not by reflection, which has no order
      String name = StringUtil.skewer(method);
      keys.add(new Key(path.isEmpty() ? name : path + "." + name, section.getMethod(method)));
    }
    return keys;
  }

  /** As {@code RawTask.Gate}. */
  private static String name(Class<?> type) {
    return type.getName().substring(type.getPackageName().length() + 1).replace('$', '.');
  }

  private static String name(TreePath path) {
    String name = ((ClassTree) path.getLeaf()).getSimpleName().toString();
    return path.getParentPath().getLeaf().getKind() == Tree.Kind.COMPILATION_UNIT
        ? name
        : name(path.getParentPath()) + "." + name;
  }

  /** Without the first paragraph, which describes the interface. */
  private static List<String> introduction() {
    return paragraphs(CLASSES.get("RawConfig")).skip(1).toList();
  }

  private static Stream<String> paragraphs(DocCommentTree doc) {
    return Stream.of(markdown(doc).split("\n\n"));
  }

  private static String markdown(DocCommentTree doc) {
    StringBuilder text = new StringBuilder();
    for (DocTree tree : doc.getFullBody()) {
      if (tree instanceof TextTree words) {
        text.append(words.getBody().replaceAll("\\s+", " "));
      } else if (tree instanceof LiteralTree code) {
        text.append('`')
            .append(code.getBody().getBody().strip().replaceAll("\\s+", " "))
            .append('`');
      } else if (tree instanceof StartElementTree paragraph
          && paragraph.getName().contentEquals("p")) {
        text.append("\n\n");
      } else {
        throw new AssertionError("settings' Javadoc may use {@code} and <p> only: " + tree);
      }
    }
    return text.toString().replaceAll(" *\n\n *", "\n\n").strip();
  }
}
