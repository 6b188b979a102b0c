/** Plans, as an administrator makes and changes them. */
import { z } from 'zod';
import { createPlan, deletePlan, listPlans, type PlanInfo, updatePlan } from '../../../services/plans.ts';
import { PlanParams } from '../../../services/plans-schemas.ts';
import { AppError } from '../../../utils/errors.ts';
import { PersonName } from '../../schemas.ts';
import { num } from '../broadcast/parts.tsx';
import { Submit } from '../kit.tsx';
import { type Page, page } from '../page.ts';
import { ActionButton, Empty, Field, Form, NextLink, Table } from '../parts.tsx';
import { LimitFields, LimitForm } from './limit-fields.tsx';
import { ADMIN_TEXTS } from './texts.ts';
import { AdminTabs } from './users.tsx';

const HERE = '/dashboard/admin/plans';
const example = { params: { planId: '0'.repeat(32) } };
const PlanForm = LimitForm.extend({ name: PersonName });

export const planPages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'admin',
    async handler({ ctx, view }) {
      const t = ADMIN_TEXTS(view.lang);
      const plans = await listPlans(ctx);
      const body = (
        <>
          <AdminTabs t={t} current={HERE} />
          <section class="card">
            {plans.length === 0 ? (
              <Empty view={view} title={t.noPlans} next={<NextLink to="#new">{t.newPlan}</NextLink>}>
                <p>{t.plansAbout}</p>
              </Empty>
            ) : (
              <Table label={t.plans} head={[t.name, t.planLimits, t.workspaces]}>
                {plans.map((plan) => (
                  <tr>
                    <td>
                      <a href={`${HERE}/${plan.id}`}>{plan.name}</a>
                    </td>
                    <td class="num">{num(view, Object.keys(plan.limits).length)}</td>
                    <td class="num">{num(view, plan.workspaces)}</td>
                  </tr>
                ))}
              </Table>
            )}
          </section>
          <section class="card" id="new">
            <h2>{t.newPlan}</h2>
            <p class="muted">{t.limitsAbout}</p>
            <Form view={view} action={HERE} class="stack">
              <Field label={t.name} name="name" required maxlength={100} autocomplete="off" />
              <LimitFields view={view} limits={{}} />
              <div>
                <Submit>{t.create}</Submit>
              </div>
            </Form>
          </section>
        </>
      );
      return { title: t.plans, section: 'admin', body };
    },
  }),
  page({
    method: 'post',
    path: HERE,
    auth: 'admin',
    form: PlanForm,
    example: { form: { name: 'Starter', sessions: '2' } },
    async handler({ ctx, view, form: { name, ...limits } }) {
      await createPlan(ctx, { name, limits });
      return { redirect: HERE, done: ADMIN_TEXTS(view.lang).saved };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/:planId`,
    auth: 'admin',
    params: PlanParams,
    example,
    async handler({ ctx, view, params }) {
      const t = ADMIN_TEXTS(view.lang);
      const plan = (await listPlans(ctx)).find(({ id }) => id === params.planId);
      if (!plan) throw new AppError('NOT_FOUND', 'There is no such plan.');
      const body = (
        <>
          <p>
            <a href={HERE}>{t.plans}</a>
          </p>
          <h1>{plan.name}</h1>
          <section class="card">
            <p class="muted">{t.limitsAbout}</p>
            <Form view={view} action={`${HERE}/${plan.id}`} class="stack">
              <Field
                label={t.name}
                name="name"
                value={plan.name}
                required
                maxlength={100}
                autocomplete="off"
              />
              <LimitFields view={view} limits={plan.limits} />
              <div>
                <Submit>{t.save}</Submit>
              </div>
            </Form>
          </section>
          {plan.workspaces === 0 && <DeleteCard t={t} view={view} plan={plan} />}
        </>
      );
      return { title: plan.name, section: 'admin', body };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:planId`,
    auth: 'admin',
    params: PlanParams,
    form: PlanForm,
    example: { ...example, form: { name: 'Starter' } },
    async handler({ ctx, view, params, form: { name, ...limits } }) {
      await updatePlan(ctx, { ...params, name, limits });
      return { redirect: `${HERE}/${params.planId}`, done: ADMIN_TEXTS(view.lang).saved };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:planId/delete`,
    auth: 'admin',
    params: PlanParams,
    form: z.object({}),
    example,
    async handler({ ctx, view, params }) {
      await deletePlan(ctx, params);
      return { redirect: HERE, done: ADMIN_TEXTS(view.lang).planDeleted };
    },
  }),
];

function DeleteCard({
  t,
  view,
  plan,
}: {
  t: ReturnType<typeof ADMIN_TEXTS>;
  view: Parameters<typeof LimitFields>[0]['view'];
  plan: PlanInfo;
}) {
  return (
    <section class="card">
      <ActionButton
        view={view}
        action={`${HERE}/${plan.id}/delete`}
        confirm={t.deletePlanConfirm(plan.name)}
        tone="danger"
      >
        {t.deletePlan}
      </ActionButton>
    </section>
  );
}
