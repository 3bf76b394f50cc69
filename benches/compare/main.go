// Command compare measures cel-go, with the declarations of kro's environment, on the expressions of ../cases.json.
//
// It prints one JSON object a line: engine, case, nanoseconds and allocations of compiling and of evaluating.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	krocel "github.com/kubernetes-sigs/kro/pkg/cel"
)

type variable struct {
	Type   string `json:"type"`
	Value  any    `json:"value"`
	Repeat int    `json:"repeat"`
}

type benchCase struct {
	Name           string `json:"name"`
	Expression     string `json:"expression"`
	Term           string `json:"term"`
	Terms          int    `json:"terms"`
	Separator      string `json:"separator"`
	Expected       any    `json:"expected"`
	ExpectedRepeat int    `json:"expectedRepeat"`
}

type result struct {
	Engine            string  `json:"engine"`
	Case              string  `json:"case"`
	CompileNs         float64 `json:"compile_ns"`
	EvalNs            float64 `json:"eval_ns"`
	CompileAllocs     float64 `json:"compile_allocations"`
	CompileAllocBytes float64 `json:"compile_bytes"`
	EvalAllocs        float64 `json:"eval_allocations"`
	EvalAllocBytes    float64 `json:"eval_bytes"`
}

func main() {
	cases := flag.String("cases", "../cases.json", "expressions and data")
	batch := flag.Duration("batch", time.Millisecond, "length of one measurement")
	batches := flag.Int("batches", 100, "measurements of which the fastest counts")
	flag.Parse()
	file, err := os.Open(*cases)
	if err != nil {
		log.Fatal(err)
	}
	var input struct {
		Variables map[string]variable `json:"variables"`
		Cases     []benchCase         `json:"cases"`
	}
	decoder := json.NewDecoder(file)
	decoder.UseNumber()
	if err := decoder.Decode(&input); err != nil {
		log.Fatal(err)
	}
	bindings := map[string]any{}
	declarations := krocel.BaseDeclarations()
	for name, declared := range input.Variables {
		types := map[string]*cel.Type{
			"map(string, dyn)": cel.MapType(cel.StringType, cel.DynType),
			"list(dyn)":        cel.ListType(cel.DynType),
		}
		declarations = append(declarations, cel.Variable(name, types[declared.Type]))
		bindings[name] = repeat(numbers(declared.Value), declared.Repeat)
	}
	env, err := cel.NewEnv(declarations...)
	if err != nil {
		log.Fatal(err)
	}
	engines := map[string][]cel.ProgramOption{
		"cel-go":           nil,
		"cel-go optimized": {cel.EvalOptions(cel.OptOptimize)},
	}
	out := json.NewEncoder(os.Stdout)
	for _, c := range input.Cases {
		for _, engine := range []string{"cel-go", "cel-go optimized"} {
			options := engines[engine]
			expression := c.text()
			compile := func() cel.Program {
				ast, issues := env.Compile(expression)
				if issues.Err() != nil {
					log.Fatalf("%s: %v", c.Name, issues.Err())
				}
				program, err := env.Program(ast, options...)
				if err != nil {
					log.Fatalf("%s: %v", c.Name, err)
				}
				return program
			}
			program := compile()
			value, _, err := program.Eval(bindings)
			if err != nil {
				log.Fatalf("%s: %v", c.Name, err)
			}
			expected := repeat(numbers(c.Expected), c.ExpectedRepeat)
			native, err := value.ConvertToNative(reflect.TypeOf(expected))
			if err != nil || !reflect.DeepEqual(plain(native), expected) {
				log.Fatalf("%s: got %v, expected %v (%v)", c.Name, native, expected, err)
			}
			r := result{Engine: engine, Case: c.Name}
			r.CompileNs, r.CompileAllocs, r.CompileAllocBytes =
				measure(*batch, *batches, func() { compile() })
			r.EvalNs, r.EvalAllocs, r.EvalAllocBytes = measure(*batch, *batches, func() {
				if _, _, err := program.Eval(bindings); err != nil {
					log.Fatal(err)
				}
			})
			if err := out.Encode(r); err != nil {
				log.Fatal(err)
			}
		}
	}
}

func (c benchCase) text() string {
	if c.Terms == 0 {
		return c.Expression
	}
	terms := make([]string, c.Terms)
	for i := range terms {
		terms[i] = strings.ReplaceAll(c.Term, "#", strconv.Itoa(i))
	}
	return strings.Join(terms, c.Separator)
}

// numbers makes whole numbers int64, as Kubernetes clients do.
func numbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, err := v.Float64()
		if err != nil {
			log.Fatal(err)
		}
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = numbers(v[key])
		}
	}
	return value
}

// plain makes the elements of lists and maps native values.
func plain(value any) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	case interface{ Value() any }:
		return v.Value()
	}
	return value
}

func repeat(value any, times int) any {
	list, isList := value.([]any)
	if times == 0 || !isList {
		return value
	}
	repeated := make([]any, 0, len(list)*times)
	for range times {
		repeated = append(repeated, list...)
	}
	return repeated
}

// measure gives the time of one call in the fastest batch, and its allocations and allocated bytes on average.
// Where calls take so long that it would last twenty times the wanted time, there are fewer batches, but at least one.
func measure(batch time.Duration, batches int, call func()) (nanoseconds, allocations, bytes float64) {
	started := time.Now()
	longest := 20 * batch * time.Duration(batches)
	calls := 1
	for {
		start := time.Now()
		for range calls {
			call()
		}
		if taken := time.Since(start); taken >= batch/2 || calls > 1<<28 {
			calls = max(1, int(float64(calls)*float64(batch)/float64(taken)))
			break
		}
		calls *= 4
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	measured := 0
	for measured == 0 || measured < batches && time.Since(started) < longest {
		start := time.Now()
		for range calls {
			call()
		}
		taken := float64(time.Since(start).Nanoseconds()) / float64(calls)
		if measured == 0 || taken < nanoseconds {
			nanoseconds = taken
		}
		measured++
	}
	runtime.ReadMemStats(&after)
	total := float64(calls * measured)
	allocations = float64(after.Mallocs-before.Mallocs) / total
	bytes = float64(after.TotalAlloc-before.TotalAlloc) / total
	return nanoseconds, allocations, bytes
}
