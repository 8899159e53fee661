// Evaluates one path a line with Jayway's JsonPath and answers one line each.
//
// In: [path, document] as JSON. Out: {"r": result, "d": definite}, {"c": class, "m": message} for a
// path that is refused, {"e": class, "m": message, "d": definite} for one that fails.
import com.jayway.jsonpath.Configuration;
import com.jayway.jsonpath.JsonPath;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.minidev.json.JSONStyle;
import net.minidev.json.JSONValue;

public class Oracle {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        Configuration configuration = Configuration.defaultConfiguration();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            List<?> question = (List<?>) configuration.jsonProvider().parse(line);
            out.println(JSONValue.toJSONString(answer(question, configuration), new JSONStyle(0)));
            if (!in.ready()) {
                out.flush();
            }
        }
    }

    static Map<String, Object> answer(List<?> question, Configuration configuration) {
        Map<String, Object> answer = new LinkedHashMap<>();
        JsonPath path;
        try {
            path = JsonPath.compile((String) question.get(0));
        } catch (RuntimeException | Error refused) {
            answer.put("c", refused.getClass().getSimpleName());
            answer.put("m", String.valueOf(refused.getMessage()));
            return answer;
        }
        try {
            answer.put("d", path.isDefinite());
            answer.put("r", path.read(question.get(1), configuration));
        } catch (RuntimeException | Error failed) {
            answer.put("e", failed.getClass().getSimpleName());
            answer.put("m", String.valueOf(failed.getMessage()));
        }
        return answer;
    }
}
